"""Processes and their groups, as other processes see them (Linux by /proc, else by ps)."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_GONE = ("Z", "X")  # a zombie neither works nor spends; it only waits to be collected


def start_token(pid: int) -> str | None:
    """What tells the living process ``pid`` from a later one of the same number: its start time.

    None when there is no such process, or it is a zombie.
    """
    if _has_proc():
        fields = _stat_fields(_PROC / str(pid))
        # proc_pid_stat(5): field 3 is the state, field 22 the start time in clock ticks.
        return None if fields is None or fields[0] in _GONE else fields[19]
    line = _ps("-o", "stat=,lstart=", "-p", str(pid)).strip()
    state, _, started = line.partition(" ")
    return None if not line or state[0] in _GONE else started.strip()


def is_same(pid: int | None, token: str | None) -> bool:
    """Whether the process that had this pid and start token still lives."""
    return pid is not None and token is not None and start_token(pid) == token


def group_lives(pgid: int) -> bool:
    """Whether a process group has a member, zombies apart, that we may signal."""
    try:
        os.killpg(pgid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return any(group == pgid and state not in _GONE for group, state in _groups())


def descendant_groups(pid: int) -> set[int]:
    """The process groups of a process's descendants, but for its own.

    A CLI may give each shell command a group of its own, which a signal to its own does not reach.
    """
    parents = list(_parents())
    family = {pid}
    grown = True
    while grown:
        born = {child for child, parent, _ in parents if parent in family} - family
        family |= born
        grown = bool(born)
    return {group for child, _, group in parents if child in family} - {pid}


def signal_group(pgid: int, number: int) -> None:
    """Send a signal to all of a group; nothing happens when it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pgid, number)


def _parents() -> Iterator[tuple[int, int, int]]:
    """(pid, parent, process group) of every process."""
    if _has_proc():
        for entry in _PROC.iterdir():
            fields = _stat_fields(entry) if entry.name.isdecimal() else None
            if fields is not None:
                yield int(entry.name), int(fields[1]), int(fields[2])
        return
    for line in _ps("-A", "-o", "pid=,ppid=,pgid=").splitlines():
        pid, parent, group = line.split()
        yield int(pid), int(parent), int(group)


def _groups() -> Iterator[tuple[int, str]]:
    """(process group, state letter) of every process."""
    if _has_proc():
        for entry in _PROC.iterdir():
            fields = _stat_fields(entry) if entry.name.isdecimal() else None
            if fields is not None:
                yield int(fields[2]), fields[0]
        return
    for line in _ps("-A", "-o", "pgid=,stat=").splitlines():
        group, state = line.split()
        yield int(group), state[0]


def _has_proc() -> bool:
    return (_PROC / "self" / "stat").exists()


def _stat_fields(entry: Path) -> list[str] | None:
    """The fields of a stat file from the third on: the second, the name, may hold anything."""
    try:
        text = (entry / "stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _ps(*arguments: str) -> str:
    done = subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False)
    return done.stdout
