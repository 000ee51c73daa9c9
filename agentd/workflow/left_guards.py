"""What runs did whose agentd was killed: judged by the next command, as it would have been then."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from agentd.files import make_private_folder, read_json, write_atomic
from agentd.guard import Findings, Guard
from agentd.guard.ended import Ended
from agentd.ledger.run_folders import ENTERED, FINDINGS
from agentd.locks import try_lock
from agentd.project.layout import Project
from agentd.runner.family import is_inside
from agentd.runner.recovery import processes_of
from agentd.runner.run_folder import RunFolder, RunInfo, info_from
from agentd.text import some_of

_STREAMS = ("stdout", "stderr", "requests.jsonl")
_NAMED, _KEPT = 10, 200
_MARK_WAIT_S = 0.5
_ANOTHER_S = 5.0
# Linux's CLOCK_MONOTONIC stands still while the machine is suspended.
_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Judged(NamedTuple):
    """What an earlier judgement of a run found: paths that it may not touch, and those in doubt.

    ``code`` are some of the project's files that it changed and may.
    """

    forbidden: tuple[str, ...] = ()
    in_doubt: tuple[str, ...] = ()
    code: tuple[str, ...] = ()


def judge_left_guards(root: Path) -> Iterator[str]:
    """Judge the runs of the project at ``root`` that have ended without their agentd.

    What they may not touch is put back; sentences tell what it was. A run that still works is left.
    One that another command judges just now is waited for. Raises OSError.
    """
    with _one_at_a_time(root):
        yield from _judge_left_guards(root)


@contextlib.contextmanager
def _one_at_a_time(root: Path) -> Iterator[None]:
    """Else who enters a run may find its judgement begun by another command, and not ended.

    A lock that an agent took in the project's folder is not waited for without end.
    """
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        deadline = time.monotonic() + _ANOTHER_S
        while not try_lock(fd) and time.monotonic() < deadline:
            time.sleep(0.02)
        yield
    finally:
        os.close(fd)


def _judge_left_guards(root: Path) -> Iterator[str]:
    for guard in Guard.left(root):
        info = _info(guard)
        folder = RunFolder(guard.run_dir)
        if info is None:
            guard.drop()
            with guard:
                continue
        if is_inside(folder.path) or processes_of(folder, info):
            guard.let_go()
            continue
        with guard:
            findings = guard.after(_ended(guard, info))
            restored = guard.restore(findings)
            with contextlib.suppress(OSError):  # a full disk: it is only told then
                make_private_folder(guard.run_dir)
                if not (guard.run_dir / ENTERED).exists():  # else nobody asks any more
                    write_atomic(guard.run_dir / FINDINGS, _to_json(guard.project, findings))
            yield from _told(guard, info, findings, restored)


def judged(run_dir: Path) -> Judged:
    """What was found when the run in ``run_dir`` was judged after its agentd was killed."""
    try:
        told = read_json(run_dir / FINDINGS)
        return Judged(*(tuple(map(str, told.get(name, ()))) for name in Judged._fields))
    except (OSError, ValueError, TypeError, KeyError):
        return Judged()


def _info(guard: Guard) -> RunInfo | None:
    try:
        data = guard.run_info
        return None if data is None else info_from(data)
    except (ValueError, TypeError, KeyError):
        return None


def _ended(guard: Guard, info: RunInfo) -> Ended:
    """When the run ended: as was noted, else between its last output and now, or the last boot.

    After a power cut nobody knows what it still did, and what a person did before the cut.
    """
    deadline = time.monotonic() + _MARK_WAIT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            ended_ns = guard.end_mark.stat().st_mtime_ns
            return Ended(ended_ns, ended_ns)
        time.sleep(0.02)
    lived_ns = int(info.started_at.timestamp() * 1e9)
    for name in _STREAMS:
        with contextlib.suppress(OSError):
            lived_ns = max(lived_ns, (guard.run_dir / name).lstat().st_ctime_ns)
    boot_ns = time.time_ns() - time.clock_gettime_ns(_SINCE_BOOT)
    if lived_ns < boot_ns:  # a power cut
        return Ended(lived_ns, boot_ns)
    return Ended(lived_ns, time.time_ns())


def _told(guard: Guard, info: RunInfo, findings: Findings, restored: list[Path]) -> Iterator[str]:
    what = f"{info.provider} in step {info.step}, whose agentd was killed"
    sure = [found for found in findings.forbidden if not found.in_doubt]
    if sure:
        paths = _shown(guard.project, [found.path for found in sure])
        left = [found.path for found in sure if found.own and found.path not in restored]
        but = f", but for {_shown(guard.project, left)}" if left else ""
        aside = f" What it wrote there: {guard.project.shown(guard.aside)}/."
        yield (
            f"{what}, changed what it may not touch: {paths}. agentd's own files are as they were"
            f"{but}.{aside if guard.aside.exists() else ''}"
        )
    if doubt := [found for found in findings.forbidden if found.in_doubt]:
        paths = _shown(guard.project, [found.path for found in doubt])
        yield (
            f"{what}, or somebody after it changed {paths}; both are kept, what was before in "
            f"{guard.project.shown(guard.aside)}/"
        )
    yield from (f"{what}: {each.text}" for each in findings.told)
    if guard.is_to_be_finished:
        yield "not all could be put back, as on a full disk; the next agentd command tries again"


def _to_json(project: Project, findings: Findings) -> bytes:
    def shown(*, in_doubt: bool) -> list[str]:
        return [project.shown(f.path) for f in findings.forbidden if f.in_doubt == in_doubt]

    code = [*map(project.shown, findings.code[:_KEPT])]
    told = {"forbidden": shown(in_doubt=False), "in_doubt": shown(in_doubt=True), "code": code}
    return json.dumps(told).encode()


def _shown(project: Project, paths: list[Path]) -> str:
    return some_of([project.shown(path) for path in paths], _NAMED)
