"""Runs that agentd did not live to finish: found by the next command, and finished there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from agentd.errors import InputError, StateError
from agentd.files import read_plain, write_private
from agentd.meter.request_log import NAME as REQUESTS
from agentd.metering.usage import UsageMetrics
from agentd.own_writes import is_vouched_for
from agentd.providers.provider import Provider
from agentd.runner.family import Family, is_inside, marked_runs
from agentd.runner.process import has_proc, is_same, signal_group
from agentd.runner.result import RunResult, conclude
from agentd.runner.run_folder import RunFolder, RunInfo
from agentd.runner.stdout import Reading
from agentd.runner.stop import LEFTOVERS, stop, stop_stages

# What the ledger leaves in a run's folder once the run is entered, or kept to be entered.
_RECORDED = ("call.json", "call.pending.json")


def unfinished(runs_dir: Path) -> list[RunFolder]:
    """The runs that began, were never recorded, and that no living agentd attends; oldest first.

    A folder whose ``run.json`` is damaged is among them: :func:`recover` says so.
    """
    if not runs_dir.is_dir():
        return []
    folders = (RunFolder(entry) for entry in sorted(runs_dir.iterdir()))
    return [folder for folder in folders if _is_unfinished(folder)]


def unused(runs_dir: Path) -> list[RunFolder]:
    """The folders that were made for a run and not used: agentd was killed before it began."""
    if not runs_dir.is_dir():
        return []
    return [folder for entry in runs_dir.iterdir() if (folder := RunFolder(entry)).is_unused()]


def did_not_begin(folder: RunFolder, info: RunInfo) -> bool:
    """Whether agentd was killed before it started the CLI: there is no process, output or request.

    The files for its output must be as agentd made them, right before ``run.json``: a CLI may have
    killed agentd at once and deleted or emptied them. It can't be told where processes don't show
    what run they belong to. ``info`` is that of a run which no living agentd attends.
    """
    if info.cli_pid is not None or not has_proc() or living(folder):
        return False
    try:
        began_ns = folder.run_json.stat().st_ctime_ns
        streams = [file.lstat() for file in (folder.stdout, folder.stderr)]
    except FileNotFoundError:
        return False
    untouched = all(each.st_size == 0 and each.st_ctime_ns <= began_ns for each in streams)
    return untouched and not _has_text(folder.path / REQUESTS)


def still_running(folder: RunFolder) -> bool:
    """Whether a process of the run still lives. Raises StateError when run.json is damaged."""
    return bool(living(folder))


def living(folder: RunFolder) -> list[int]:
    """The run's processes that still live. Raises StateError when run.json is damaged."""
    return processes_of(folder, folder.info())


def processes_of(folder: RunFolder, info: RunInfo) -> list[int]:
    """The same where ``info`` is known, whatever lies in the folder."""
    return [process.pid for process in _family(folder, info).members()]


def end_left_behind(runs_dir: Path) -> list[int]:
    """End what runs left that are over, entered or not, and that could not be ended with them.

    Known by its mark. Returns what was at work.
    """
    ended: list[int] = []
    for run_dir in marked_runs(runs_dir):
        folder, family = RunFolder(run_dir), Family(run_dir)
        if not is_inside(run_dir) and not _is_looked_after(folder):
            ended += [process.pid for process in family.members()]
            stop(LEFTOVERS, send=family.signal, alive=family.lives, pump=_nothing)
    return ended


def recover(
    folder: RunFolder,
    provider: Provider,
    *,
    prior_usage: UsageMetrics | None = None,
    environ: Mapping[str, str] | None = None,
    stop_grace_s: float = 10.0,
    term_grace_s: float = 3.0,
) -> RunResult:
    """Finish a run of which :func:`unfinished` told.

    Its status is "ok" when the CLI came to its own good end meanwhile, else "interrupted".

    A CLI that still lives is stopped first, in the stages that let it report, and then all that it
    has left running; then its stdout and its session log are read as ever. The end is taken to be
    the last output. ``environ`` (None: agentd's own) says where the session logs lie. Nothing is
    lost when this is interrupted and called again. Raises StateError when another agentd holds the
    run, or run.json is damaged, InputError when this process belongs to the run.
    """
    if is_inside(folder.path):
        raise InputError(
            f"this command runs inside the run that it would end: {folder.path.name}",
            fix="Run it in a terminal of your own.",
        )
    environ = os.environ if environ is None else environ
    with folder.attend(timeout_s=60.0), contextlib.ExitStack() as stack:
        info, cli = folder.info(), provider.cli()
        for file in (folder.stdout, folder.stderr):
            with contextlib.suppress(FileExistsError):  # somebody may have deleted them
                write_private(file)
        reading = stack.enter_context(contextlib.closing(Reading(folder, cli)))
        family = _family(folder, info)

        def works() -> bool:
            return is_same(info.cli_pid, info.cli_token) or family.works_on(folder.stdout)

        stopped = works()
        if stopped:
            stages = stop_stages(cli.first_signal, stop_grace_s, term_grace_s)
            stop(stages, send=partial(_signal_cli, info, family), alive=works, pump=reading.pump)
        stop(LEFTOVERS, send=family.signal, alive=family.lives, pump=reading.pump)
        result = conclude(
            folder,
            info,
            reading,
            cli,
            status="interrupted" if stopped else None,
            exit_code=None,
            duration_ms=_duration_ms(folder, info),
            prior_usage=prior_usage,
            environ=environ,
        )
        if result.status == "failed":  # who knows what its exit code was
            return replace(result, status="interrupted", failure=None)
        return result


def _nothing() -> bool:
    return False


def _is_looked_after(folder: RunFolder) -> bool:
    try:
        return folder.is_attended()
    except StateError:
        return False


def _is_unfinished(folder: RunFolder) -> bool:
    if not folder.run_json.exists() or _is_forged(folder.run_json):
        return False
    # Attended before recorded: a run is recorded while it is attended, so the other order could
    # miss its entry.
    return not _is_looked_after(folder) and not any(
        (folder.path / name).exists() for name in _RECORDED
    )


def _is_forged(run_json: Path) -> bool:
    """Whether an agent may have put it there whose step still runs."""
    try:
        return not is_vouched_for(run_json, read_plain(run_json))
    except OSError:
        return False  # it is told that it can't be read


def _family(folder: RunFolder, info: RunInfo) -> Family:
    family = Family(folder.path)
    if info.cli_pid is not None:
        family.begun(info.cli_pid, info.cli_token)
    family.read_noted()
    return family


def _signal_cli(info: RunInfo, family: Family, number: int) -> None:
    """To the CLI's group where it still has one of the run's processes, else to all of them."""
    groups = {process.group for process in family.members()}
    if info.cli_pid in groups:
        signal_group(info.cli_pid, number)
    else:
        family.signal(number)


def _has_text(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


def _duration_ms(folder: RunFolder, info: RunInfo) -> int:
    last = max(file.stat().st_mtime for file in (folder.stdout, folder.stderr))
    return max(0, int((datetime.fromtimestamp(last, UTC) - info.started_at).total_seconds() * 1000))
