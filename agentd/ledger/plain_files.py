"""A change's folder and files: only plain ones, never through a symbolic link; errors explained."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from agentd.errors import StateError
from agentd.files import sync_folder

_FIXES = {
    errno.ENOSPC: "The disk is full: make room, then run the command again.",
    errno.EDQUOT: "The disk quota is used up: make room, then run the command again.",
    errno.EFBIG: "The file-size limit (ulimit -f) is too small: raise it, then run it again.",
    errno.EROFS: "The folder is read-only: mount it writable, then run the command again.",
    errno.EACCES: "Give yourself the right to write there (chmod, chown), then run it again.",
    errno.EPERM: "Give yourself the right to write there (chmod, chown), then run it again.",
    errno.ELOOP: "It is a symbolic link: put the file itself there.",
}
FULL = (errno.ENOSPC, errno.EDQUOT)
_MAX_BYTES = 200_000_000  # some 300,000 calls


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an OSError into a StateError that says what happened and what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        fix = fix_of(error) or "Mend that, then run the command again."
        where = error.filename if isinstance(error.filename, str) else path
        raise StateError(f"{where}: {reason}", fix=fix) from error


def fix_of(error: OSError) -> str | None:
    """What a person can do about a failed write, where that is known."""
    return _FIXES.get(error.errno or 0)


def check_change(change_dir: Path) -> None:
    """Raise StateError unless the change's folder is there and is a folder itself."""
    if _is_folder(change_dir):
        return
    name = change_dir.absolute().name
    raise StateError(
        f"{change_dir}: there is no such change",
        fix=f'Create it: agentd run {name} "DESCRIPTION"',
    )


def make_folder(folder: Path, *, private: bool = False) -> Path:
    """The folder itself, made when it is missing, ``private`` for its owner alone.

    Raises StateError when it is anything else.
    """
    with explained(folder):
        if not _is_folder(folder):
            folder.mkdir(0o700 if private else 0o777, exist_ok=True)
            sync_folder(folder.parent)
    return folder


def _is_folder(path: Path) -> bool:
    """Whether a folder is there; False when nothing is. Raises StateError for anything else."""
    with explained(path):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return False
    if stat.S_ISLNK(mode):
        raise StateError(
            f"{path}: is a symbolic link; agentd writes only inside the project",
            fix="Replace the link by the folder itself.",
        )
    if not stat.S_ISDIR(mode):
        raise StateError(f"{path}: is no folder", fix="Move it away, or name another change.")
    return True


def read_file(path: Path) -> bytes | None:
    """The bytes of a plain file, None when there is none. Raises StateError for anything else."""
    with explained(path):
        try:
            # O_NONBLOCK: opening a FIFO would wait for a writer for ever.
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        try:
            found = os.fstat(fd)
            if stat.S_ISREG(found.st_mode):
                if found.st_size > _MAX_BYTES:
                    raise StateError(
                        f"{path}: is larger than {_MAX_BYTES:,} bytes",
                        fix="agentd writes no such file: restore it (git checkout).",
                    )
                with os.fdopen(fd, "rb", closefd=False) as handle:
                    return handle.read()
        finally:
            os.close(fd)
    raise StateError(f"{path}: is no plain file", fix="Put the file itself there.")
