"""Locks between processes, which the kernel lets go of when their holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from agentd.errors import LockHeld

_PROC = Path("/proc")
_COMMAND_COLUMNS = 80
MAX_PID = 1 << 22
"""Linux gives no process a larger number, macOS smaller ones."""


class Holder(NamedTuple):
    """A living process of this user that holds a lock; ``command`` is what it does, if known."""

    pid: int
    command: str = ""
    since: str = ""

    def told(self) -> str:
        """``process 12 (agentd run add-oauth, since 2026-11-30 01:02:03 UTC)``."""
        since = f"since {self.since}" if self.since else ""
        known = ", ".join(filter(None, (self.command, since)))
        return f"process {self.pid} ({known})" if known else f"process {self.pid}"


@contextlib.contextmanager
def lock(path: Path, *, timeout_s: float = 30.0, mode: int = 0o666) -> Iterator[None]:
    """Hold the exclusive lock of ``path``: a folder, or a file (created if missing, never deleted).

    ``mode`` is that of a file which is created. The lock is the kernel's (flock): a process that
    dies lets go of it. Raises LockHeld when a living process still holds it after ``timeout_s``
    seconds.
    """
    deadline = time.monotonic() + timeout_s
    fd = _open(path, mode)
    try:
        while not try_lock(fd) or not is_at(fd, path):
            if time.monotonic() > deadline:
                holder = holder_of(fd)
                told = holder.told() if holder else "another process, which is not known,"
                stop = f", or stop it (kill {holder.pid})" if holder else ""
                raise LockHeld(
                    f"{path}: {told} has held this lock for {timeout_s:.0f} s",
                    fix=f"Wait for it to end{stop}, then run the command again.",
                )
            if is_at(fd, path):
                time.sleep(0.005)
            else:  # somebody deleted it: whoever comes now locks another file
                os.close(fd)
                fd = -1
                fd = _open(path, mode)
        yield
    finally:
        if fd >= 0:
            os.close(fd)


def _open(path: Path, mode: int) -> int:
    # A folder may be a link, such as to specs that several worktrees share: nothing is made there.
    kind = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    return os.open(path, kind, mode)


def is_at(fd: int, path: Path) -> bool:
    """Whether an open file is the one at ``path``: nobody has deleted or moved it since."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())  # a folder may be a link
    except FileNotFoundError:
        return False


def try_lock(fd: int) -> bool:
    """Take the exclusive lock of an open file; False when another process holds it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def holder_of(fd: int, *, noted: str = "") -> Holder | None:
    """Who holds the lock of an open file, None if that is not known.

    The kernel says so (Linux). Where it does not, a ``noted`` process id counts if an agentd of
    this user has it now: anybody may have written it, long ago.
    """
    for pid in _locking(fd):
        if _has_open(pid, fd):
            return _described(pid)
    if noted.isdecimal() and len(noted) < 10 and 0 < int(noted) <= MAX_PID:
        holder = _described(int(noted))
        if _is_ours(holder.pid) and holder.command.startswith("agentd"):
            return holder
    return None


def _locking(fd: int) -> list[int]:
    """The processes that have taken a lock of a file with this number, on whatever disk."""
    inode = str(os.fstat(fd).st_ino)
    try:
        lines = (_PROC / "locks").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
    # 1: FLOCK  ADVISORY  WRITE 2345 fe:01:1835 0 EOF; "->" stands before those that wait
    rows = [line.split() for line in lines if "->" not in line]
    taken = (row for row in rows if len(row) > 5 and row[1] == "FLOCK")
    return [int(row[4]) for row in taken if row[5].endswith(f":{inode}") and row[4].isdecimal()]


def _has_open(pid: int, fd: int) -> bool:
    """Whether a process has this file open; False for one of another user."""
    wanted = os.fstat(fd)
    with contextlib.suppress(OSError), os.scandir(_PROC / str(pid) / "fd") as opened:
        for entry in opened:
            with contextlib.suppress(OSError):
                if os.path.samestat(entry.stat(), wanted):
                    return True
    return False


def _is_ours(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _described(pid: int) -> Holder:
    """What a process does, and since when it does that."""
    from datetime import UTC, datetime

    from agentd.masking import masked_arguments
    from agentd.text import cut, one_line

    given, began_s = _given(pid)
    words = masked_arguments(given, os.environ)
    places = [place for place, word in enumerate(words[:4]) if Path(word).name == "agentd"]
    if places:
        words = ["agentd", *words[places[-1] + 1 :]]
    command = cut(one_line(" ".join(words)), _COMMAND_COLUMNS, "...") if words else ""
    since = datetime.fromtimestamp(began_s, UTC) if began_s else None
    return Holder(pid, command, f"{since:%Y-%m-%d %H:%M:%S} UTC" if since else "")


def _given(pid: int) -> tuple[list[str], float | None]:
    """The arguments of a process, and when it began, in seconds; nothing of what is not known."""
    if not (_PROC / "self" / "stat").exists():
        import subprocess

        asked = ["ps", "-o", "command=", "-p", str(pid)]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        return done.stdout.split(), None
    try:
        line = (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace")
        # proc_pid_stat(5): the second field, the name, may hold anything; the 22nd is the start.
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        boot = (_PROC / "stat").read_text(encoding="ascii").partition("\nbtime ")[2].split()[0]
        return line.rstrip("\0").split("\0"), int(boot) + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return [], None
