"""Why a collector got nothing: kept by the process that sends, told once by a later command.

A step has ended long before anybody knows whether its collector answers.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from agentd.files import read_plain, write_atomic
from agentd.state_folder import UNSENT, home_of_user

_NEW, _TOLD = b"new\n", b"told\n"


def keep_unsent(why: str) -> None:
    """Keep why something was not sent, "" for what was; one that is told stays told."""
    if (path := _path()) is None:
        return
    with contextlib.suppress(OSError):
        if not why:
            path.unlink(missing_ok=True)
        elif _read(path).partition(b"\n")[2] != why.encode():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_atomic(path, _NEW + why.encode(), durable=False)


def tell_unsent() -> str | None:
    """Why something was not sent, where that is not told yet; it counts as told from now on."""
    if (path := _path()) is None:
        return None
    with contextlib.suppress(OSError):
        kept = _read(path)
        if kept.startswith(_NEW):
            why = kept.removeprefix(_NEW)
            write_atomic(path, _TOLD + why, durable=False)
            return why.decode(errors="replace")
    return None


def _path() -> Path | None:
    home = home_of_user()
    return Path(home, UNSENT) if home else None


def _read(path: Path) -> bytes:
    try:
        return read_plain(path)
    except FileNotFoundError:
        return b""
