"""Locks between processes, which the kernel lets go of when their holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from agentd.errors import LockHeld


@contextlib.contextmanager
def lock(path: Path, *, timeout_s: float = 30.0, mode: int = 0o666) -> Iterator[None]:
    """Hold the exclusive lock of ``path``: a folder, or a file (created if missing, never deleted).

    ``mode`` is that of a file which is created. The lock is the kernel's (flock): a process that
    dies lets go of it. Raises LockHeld when a living process still holds it after ``timeout_s``
    seconds.
    """
    kind = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    fd = os.open(path, kind | os.O_NOFOLLOW, mode)
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
