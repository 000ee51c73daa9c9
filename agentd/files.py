"""Files that are never seen half-written, and a lock that dies with its holder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from agentd.errors import LockHeld


def write_atomic(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``: a reader, or a crash, sees the old file or the new one.

    The temporary file stands beside it as ``.NAME.tmp``, so callers that race hold :func:`lock`.
    The permissions of an existing file are kept. Raises OSError (full disk, read-only folder);
    ``path`` is then as it was.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        mode = None
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()  # left by a killed process; O_EXCL below also refuses a planted link
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    try:
        with os.fdopen(fd, "wb") as handle:
            if mode is not None:
                os.fchmod(handle.fileno(), mode)
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames inside ``folder`` survive a power cut."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def lock(path: Path, *, timeout_s: float = 30.0) -> Iterator[None]:
    """Hold the exclusive lock of ``path`` (created if missing, never deleted).

    It is the kernel's (flock): a process that dies lets go of it. Raises LockHeld when a living
    process still holds it after ``timeout_s`` seconds.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        deadline = time.monotonic() + timeout_s
        while not try_lock(fd):
            if time.monotonic() > deadline:
                raise LockHeld(
                    f"{path}: another agentd has held this lock for {timeout_s:.0f} s",
                    fix="Wait for it to end, or stop it, then run the command again.",
                )
            time.sleep(0.005)
        yield
    finally:
        os.close(fd)


def try_lock(fd: int) -> bool:
    """Take the exclusive lock of an open file; False when another process holds it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
