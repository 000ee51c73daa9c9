"""Processes and their groups, as other processes see them (Linux by /proc, else by ps)."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from agentd.frozen import frozen

_PROC = Path("/proc")
_GONE = ("Z", "X")  # a zombie neither works nor spends; it only waits to be collected


@frozen()
class Process:
    """One process at one moment. ``token`` tells it from a later one with its number."""

    pid: int
    parent: int
    group: int
    session: int
    state: str
    token: str

    @property
    def lives(self) -> bool:
        """Whether it is no zombie."""
        return self.state not in _GONE


def processes() -> dict[int, Process]:
    """All processes that can be seen now, zombies too, by their process id."""
    found = _from_proc() if has_proc() else _from_ps("-A")
    return {process.pid: process for process in found}


def children() -> dict[int, str]:
    """The start tokens of this process's children, zombies too, by their process id.

    Where the kernel lists them, no other process is looked at.
    """
    if has_proc():
        with contextlib.suppress(OSError):  # not every kernel does
            lists = [path.read_text() for path in (_PROC / "self/task").glob("*/children")]
            if lists:
                found = filter(None, map(_stat, " ".join(lists).split()))
                return {each.pid: each.token for each in found}
    own = os.getpid()
    return {each.pid: each.token for each in processes().values() if each.parent == own}


def start_token(pid: int) -> str | None:
    """What tells the living process ``pid`` from a later one of the same number: its start time.

    None when there is no such process, or it is a zombie.
    """
    found = _stat(str(pid)) if has_proc() else next(_from_ps("-p", str(pid)), None)
    return found.token if found is not None and found.lives else None


def is_same(pid: int | None, token: str | None) -> bool:
    """Whether the process that had this pid and start token still lives."""
    return pid is not None and token is not None and start_token(pid) == token


def group_exists(pgid: int) -> bool:
    """Whether a process group has a member, a zombie too, that we may signal."""
    try:
        os.killpg(pgid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def signal_group(pgid: int, number: int) -> None:
    """Send a signal to all of a group; nothing happens when it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pgid, number)


def environment(pid: int) -> bytes | None:
    """What a process was started with, each variable ended by a zero byte; None: not to be seen."""
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:
            return file.read()
    except OSError:
        return None


def prints_to(pid: int, file: Path) -> bool | None:
    """Whether a process's stdout is this file; None where that can't be seen."""
    if not has_proc():
        return None
    try:
        return (_PROC / str(pid) / "fd/1").samefile(file)
    except OSError:
        return False


def has_proc() -> bool:
    """Whether /proc tells of processes; elsewhere ps does, and of less."""
    return (_PROC / "self" / "stat").exists()


def _from_proc() -> Iterator[Process]:
    for name in os.listdir(_PROC):  # noqa: PTH208 - as text: it is asked for all the time
        if name.isdecimal() and (found := _stat(name)) is not None:
            yield found


def _stat(name: str) -> Process | None:
    try:
        fd = os.open(f"/proc/{name}/stat", os.O_RDONLY)  # a file object takes as long again
        try:
            text = os.read(fd, 4096)
        finally:
            os.close(fd)
    except (FileNotFoundError, ProcessLookupError):
        return None
    # proc_pid_stat(5): the second field, the name, may hold anything; field 3 is the state, field
    # 22 the start time in clock ticks.
    fields = text.rpartition(b")")[2].split()
    state, parent, group, session = fields[:4]
    token = fields[19].decode()
    return Process(int(name), int(parent), int(group), int(session), state.decode(), token)


def _from_ps(*which: str) -> Iterator[Process]:
    for line in _ps("-o", "pid=,ppid=,pgid=,stat=,lstart=", *which).splitlines():
        pid, parent, group, state, started = line.split(maxsplit=4)
        try:
            session = os.getsid(int(pid))
        except OSError:  # gone, or not to be asked about
            session = 0
        yield Process(int(pid), int(parent), int(group), session, state[0], started.strip())


def _ps(*arguments: str) -> str:
    return subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False).stdout
