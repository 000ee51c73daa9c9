"""Files that only save time: below ``$XDG_CACHE_HOME/agentd`` (``~/.cache/agentd``).

Each can be deleted at any time. One that is damaged, or of another version, counts as absent, and
where none can be written everything works without, only slower.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import zlib
from pathlib import Path
from typing import Any

from agentd.errors import LockHeld
from agentd.files import write_atomic
from agentd.state_folder import hash_of
from agentd.version import __version__

UNUSED_S = 60 * 86_400
_STAMP = f"agentd {__version__} format 9 python {sys.version_info[:2]}\n".encode()


def path_of(kind: str, key: str) -> Path:
    """The file of something that ``key`` names, such as a project's root.

    Two keys may share a file: what is in it must tell whose it is.
    """
    home = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(home) if home.startswith("/") else Path("~/.cache").expanduser()
    return base / "agentd" / f"{hash_of(key)}.{kind}"


def load(path: Path, *, plain: bool = False) -> Any:
    """What :func:`save` put there, None when it is not there or of no use.

    A file of another user is of none: reading it could run what they wrote.
    """
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            if os.fstat(file.fileno()).st_uid != os.geteuid():
                return None
            data = file.read()
    except OSError:
        return None
    body = memoryview(data)[len(_STAMP) + 4 :]
    sum_at = len(_STAMP)
    if not data.startswith(_STAMP) or zlib.crc32(body).to_bytes(4) != data[sum_at : sum_at + 4]:
        return None
    try:
        return _format(plain).loads(body)
    except (AttributeError, ImportError, TypeError):  # it was made between two versions
        return None


def save(path: Path, value: Any, *, plain: bool = False) -> None:
    """Keep ``value``; when its file is new, those go that nobody has used for long.

    ``plain``: it is made of tuples, dicts, texts and numbers alone.
    """
    body = _format(plain).dumps(value)
    # A read-only home, or a guard that can't be told: without a cache it only takes longer.
    with contextlib.suppress(OSError, LockHeld):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _prune(path.parent)
        data = b"".join((_STAMP, zlib.crc32(body).to_bytes(4), body))
        write_atomic(path, data, durable=False)


def _prune(folder: Path) -> None:
    """Remove what is unused for UNUSED_S: of projects that are gone, or of older versions."""
    for file in folder.iterdir():
        found = file.lstat()
        if max(found.st_atime, found.st_mtime) < time.time() - UNUSED_S:
            file.unlink(missing_ok=True)


def _format(plain: bool) -> Any:
    """What turns values into bytes; pickle takes 3 ms to load, marshal is built in."""
    if plain:
        import marshal

        return marshal
    import pickle

    return pickle
