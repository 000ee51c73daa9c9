"""All processes of one run: the CLI, and what it started, also where that has gone off by itself.

A tool may leave the CLI's process group and session, and outlive its parents (``setsid``, a double
fork). It keeps the mark that each run puts into the environment of its CLI. A process that has
dropped that too is found by its parents, which agentd looks at while the run lasts; on Linux agentd
also becomes the parent of all orphans. Processes without the mark are noted in the run's folder,
for the next command.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from agentd.files import read_plain
from agentd.runner.process import (
    Process,
    children,
    environment,
    group_exists,
    has_proc,
    is_same,
    prints_to,
    processes,
    signal_group,
)
from agentd.runner.run_folder import RunFolder, RunInfo

MARK = "AGENTD_RUN"
"""The variable with the folders of the runs that a process belongs to."""
_VARIABLE = f"\0{MARK}=".encode()
_UNMARKED: set[tuple[int, str]] = set()  # (pid, token), for all runs of this process
_MOST_KNOWN = 10_000
_NOTED = "processes"  # in a run's folder: pid and start token of those without a mark
_BETWEEN_S = 0.25
_SHARE = 100  # looking takes at most a hundredth of the time
_SET_SUBREAPER, _GET_SUBREAPER = 36, 37  # linux/prctl.h


def marked(environ: Mapping[str, str], run_dir: Path) -> dict[str, str]:
    """The environment of a run's CLI: with the run's mark, behind those that are there.

    An agentd that an agent starts belongs to that agent's run, and so do its own agents.
    """
    outer = environ.get(MARK) or os.environ.get(MARK)  # no allow-list takes it away
    return {**environ, MARK: f"{outer}:{_mark(run_dir)}" if outer else _mark(run_dir)}


class Family:
    """The processes of the run in ``run_dir``, once its CLI has ``begun``.

    ``adopts``: this process has no children but the run's, those that it has now, and ``spared``;
    on Linux it takes up orphans then (:func:`adopting`).
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        adopts: bool = False,
        spared: Callable[[], int | None] = lambda: None,
    ) -> None:
        self._run_dir = run_dir
        self._mark = _mark(run_dir).encode()
        self._adopts = adopts
        self._spared = spared
        self._before = children() if adopts else {}
        self._cli = 0
        self._cli_token: str | None = None
        self._is_own = False
        self._known: dict[int, str] = {}
        self._groups: set[int] = set()
        self._fleeting: set[int] = set()
        self._noted: set[tuple[int, str]] = set()
        self._printing: list[tuple[int, str]] = []
        self._due = 0.0  # when to look next

    def begun(self, pid: int, token: str | None, *, just_now: bool = False) -> None:
        """The CLI leads its process group and session ``pid``; ``just_now`` by this process."""
        self._cli, self._cli_token = pid, token
        self._is_own = just_now
        if just_now:
            self._groups.add(pid)
            self._due = time.monotonic() + _BETWEEN_S  # it is there alone
        if token is not None:
            self._known[pid] = token
            self._noted.add((pid, token))  # in run.json

    def read_noted(self) -> None:
        """Take up what an agentd that is gone has noted."""
        with contextlib.suppress(OSError, ValueError):
            for line in read_plain(self._run_dir / _NOTED).decode().splitlines():
                pid, _, token = line.partition(" ")
                self._known.setdefault(int(pid), token)

    def members(self) -> list[Process]:
        """Those that live now. Orphans that have ended are collected."""
        table = processes()
        outside = self._outside(table)
        own_session = os.getsid(0)
        found = {
            process.pid
            for process in table.values()
            if process.pid not in outside
            and (
                self._known.get(process.pid) == process.token
                or self._is_adopted(process, own_session)
                or self._is_marked(process)
                or self._is_in_group(process, table)
            )
        }
        grows = True
        while grows:
            # Who is in a session was born there; its number is not given anew while it lasts.
            sessions = {table[pid].session for pid in found} - {own_session, 0}
            born = {
                process.pid
                for process in table.values()
                if (process.parent in found or process.session in sessions)
                and process.pid not in found
                and process.pid not in outside
            }
            found |= born
            grows = bool(born)
        self._known = {pid: table[pid].token for pid in found}
        members = [table[pid] for pid in sorted(found) if table[pid].lives]
        groups = {process.group for process in members} - {os.getpgrp(), 0, 1}
        collected = self._collect(table[pid] for pid in found)
        seen = {process.group for process in table.values()} - collected
        # A process that has always just forked and ended is missed by a look, not by its group.
        gone = self._groups - groups - seen
        self._fleeting = set(filter(group_exists, gone))
        self._groups = groups | self._fleeting
        return members

    def look(self, *, now: bool = False) -> None:
        """Note what has come since the last time; to be called all the while."""
        if time.monotonic() < self._due and not now:
            return
        began = time.thread_time()
        self._note(self.members())
        self._due = time.monotonic() + pause_after(time.thread_time() - began, _BETWEEN_S)

    def works_on(self, stdout: Path) -> bool:
        """Whether one of them still prints to the run's stdout.

        So does the binary of a CLI whose launcher was killed, but no server that it left.
        """
        if any(is_same(*one) and prints_to(one[0], stdout) for one in self._printing):
            return True
        members = self.members()
        told = {each: prints_to(each.pid, stdout) for each in members}
        if None in told.values():
            return any(process.group == self._cli for process in members)
        self._printing = [(each.pid, each.token) for each, prints in told.items() if prints]
        return bool(self._printing)

    def signal(self, number: int) -> None:
        """Send a signal to each group that has a member."""
        self.members()
        for group in self._groups:
            signal_group(group, number)

    def lives(self) -> bool:
        """Whether any of them is there; all are looked for when those known are gone."""
        known = any(is_same(pid, token) for pid, token in self._known.items())
        return known or bool(self.members() or self._fleeting)

    def _is_adopted(self, process: Process, own_session: int) -> bool:
        return self._adopts and process.parent == os.getpid() and process.session != own_session

    def _is_marked(self, process: Process) -> bool:
        return process.lives and self._mark in _marks_of(process)

    def _is_in_group(self, process: Process, table: Mapping[int, Process]) -> bool:
        """Whether it is in the CLI's group or session, which nobody has made anew since.

        Asked where no environment can be read; of a CLI of this process that may be one that has
        just been started.
        """
        if not self._cli or self._cli not in (process.group, process.session):
            return False
        if has_proc() and (not self._is_own or environment(process.pid)):
            return False
        leader = table.get(self._cli)
        return leader is None or leader.token == self._cli_token

    def _outside(self, table: Mapping[int, Process]) -> set[int]:
        """This process, its own ancestors, and what it has started beside the run."""
        outside = {0, 1}
        pid = os.getpid()
        while pid and pid not in outside:
            outside.add(pid)
            pid = table[pid].parent if pid in table else 0
        before = {pid for pid, token in self._before.items() if _has(table, pid, token)}
        grown = before
        while grown:  # their children are no orphans of the run either, should they lose them
            grown = {each.pid for each in table.values() if each.parent in grown} - before
            before |= grown
        self._before = {pid: table[pid].token for pid in before}
        return outside | before | {self._spared() or 0}

    def _collect(self, found: Iterable[Process]) -> set[int]:
        """Collect orphans that have ended; their groups."""
        ended = [
            each
            for each in found
            if not each.lives and each.parent == os.getpid() and each.pid != self._cli
        ]
        for process in ended:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process.pid, os.WNOHANG)
        return {process.group for process in ended}

    def _note(self, members: list[Process]) -> None:
        unmarked = [
            process
            for process in members
            if (process.pid, process.token) not in self._noted
            and self._mark not in _marks_of(process)
        ]
        self._noted.update((process.pid, process.token) for process in members)
        if unmarked:
            lines = "".join(f"{process.pid} {process.token}\n" for process in unmarked)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
            with contextlib.suppress(OSError):  # only recovery after a crash is poorer
                fd = os.open(self._run_dir / _NOTED, flags, 0o600)
                with os.fdopen(fd, "a") as file:
                    file.write(lines)


def family_of(folder: RunFolder, info: RunInfo) -> Family:
    """The processes of a run whose agentd is gone."""
    family = Family(folder.path)
    if info.cli_pid is not None:
        family.begun(info.cli_pid, info.cli_token)
    family.read_noted()
    return family


def pause_after(took_s: float, at_least_s: float) -> float:
    """How long not to look again after a look that took so long."""
    return max(at_least_s, took_s * _SHARE)


@contextlib.contextmanager
def adopting() -> Iterator[bool]:
    """Be the parent of all orphans among this process's descendants; False where that can't be."""
    import ctypes

    before = ctypes.c_int(0)
    try:
        prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
    except (OSError, AttributeError):
        prctl = None
    if prctl is None or prctl(_GET_SUBREAPER, ctypes.byref(before), 0, 0, 0) != 0:
        yield False
        return
    adopts = prctl(_SET_SUBREAPER, 1, 0, 0, 0) == 0
    try:
        yield adopts
    finally:
        prctl(_SET_SUBREAPER, before.value, 0, 0, 0)


def marked_runs(runs_dir: Path) -> set[Path]:
    """The runs in a folder whose mark some process carries; none where marks can't be read."""
    prefix = f"{_mark(runs_dir)}/".encode()
    found = {
        mark.removeprefix(prefix).decode()
        for process in processes().values()
        if process.lives
        for mark in _marks_of(process)
        if mark.startswith(prefix)
    }
    return {runs_dir / os.fsdecode(unquote_to_bytes(name)) for name in found if "/" not in name}


def is_inside(run_dir: Path) -> bool:
    """Whether this process belongs to the run itself: its agent has started it."""
    return _mark(run_dir) in os.environ.get(MARK, "").split(":")


def _mark(run_dir: Path) -> str:
    return quote(os.fsencode(run_dir.resolve()))


def _marks_of(process: Process) -> list[bytes]:
    """The marks of a process; who has none is not read again, since no exec brings one."""
    known = (process.pid, process.token)
    if known in _UNMARKED or not (given := environment(process.pid)):
        return []
    _, found, rest = b"\0".join((b"", given)).partition(_VARIABLE)
    if found:
        return rest.partition(b"\0")[0].split(b":")
    if len(_UNMARKED) >= _MOST_KNOWN:
        _UNMARKED.clear()  # they have ended, most of them
    _UNMARKED.add(known)
    return []


def _has(table: Mapping[int, Process], pid: int, token: str) -> bool:
    return pid in table and table[pid].token == token
