"""Runs that agentd did not live to finish, found by the next command."""

from __future__ import annotations

import contextlib
from decimal import Decimal
from pathlib import Path

from agentd.errors import StateError
from agentd.files import read_plain
from agentd.meter.request_log import NAME as REQUESTS
from agentd.metering.money import exact_usd
from agentd.own_writes import is_vouched_for
from agentd.providers.provider import Provider
from agentd.runner.family import Family, family_of, is_inside, marked_runs
from agentd.runner.process import has_proc
from agentd.runner.run import RunRequest
from agentd.runner.run_folder import RunFolder, RunInfo
from agentd.runner.stdout import Reading
from agentd.runner.stop import LEFTOVERS, stop

# What the ledger leaves in a run's folder once the run is entered, or kept to be entered.
_RECORDED = ("call.json", "call.pending.json")


def unfinished(runs_dir: Path) -> list[RunFolder]:
    """The runs that began, were never recorded, and that no living agentd attends; oldest first.

    A folder whose ``run.json`` is damaged is among them: ``RunFolder.info`` says so.
    """
    if not runs_dir.is_dir():
        return []
    folders = (RunFolder(entry) for entry in sorted(runs_dir.iterdir()))
    return [folder for folder in folders if _is_unfinished(folder)]


def wait_for_readers(runs_dir: Path) -> None:
    """Wait for commands that just read a run which is over, to enter it.

    For whoever works on the change: another one that attends to a run of it can only be such a
    command. Raises StateError after a minute.
    """
    for entry in runs_dir.iterdir():
        folder = RunFolder(entry)
        if folder.run_json.exists() and not _is_recorded(folder) and _is_looked_after(folder):
            with folder.attend(timeout_s=60.0):
                pass


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
    return [process.pid for process in family_of(folder, info).members()]


def end_left_behind(runs_dir: Path) -> list[int]:
    """End what runs left that are over and entered, and that could not be ended with them.

    Known by its mark. Returns what was at work.
    """
    ended: list[int] = []
    for run_dir in marked_runs(runs_dir):
        folder, family = RunFolder(run_dir), Family(run_dir)
        if not (is_inside(run_dir) or _is_looked_after(folder) or _is_unfinished(folder)):
            ended += [process.pid for process in family.members()]
            stop(LEFTOVERS, send=family.signal, alive=family.lives, pump=_nothing)
    return ended


def request_of(folder: RunFolder, info: RunInfo, provider: Provider) -> RunRequest:
    """What a run of which :func:`unfinished` told was asked for, as far as its run.json says."""
    return RunRequest(
        call_id=folder.path.name,
        step=info.step,
        provider=provider,
        command=info.argv[0],
        prompt="",
        prompt_name=info.prompt_name,
        cwd=Path(info.cwd),
        runs_dir=folder.path.parent,
        model=info.requested_model,
        resume_session_id=info.resume_session_id,
        budget_usd=_given_budget(info, provider),
    )


def final_text_of(folder: RunFolder, provider: Provider) -> str:
    """What the CLI said last in a run that has ended."""
    try:
        with contextlib.closing(Reading(folder, provider.cli())) as reading:
            return reading.finish().final_text
    except OSError:  # an agent has taken its stdout away
        return ""


def _given_budget(info: RunInfo, provider: Provider) -> Decimal | None:
    """The budget that the CLI was told to hold itself to."""
    flag = provider.budget_flag
    if flag is None or flag.name not in info.argv[:-1]:
        return None
    try:
        return exact_usd(flag.name, info.argv[info.argv.index(flag.name) + 1])
    except (ValueError, ArithmeticError):
        return None


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
    return not _is_looked_after(folder) and not _is_recorded(folder)


def _is_recorded(folder: RunFolder) -> bool:
    return any((folder.path / name).exists() for name in _RECORDED)


def _is_forged(run_json: Path) -> bool:
    """Whether an agent may have put it there whose step still runs."""
    try:
        return not is_vouched_for(run_json, read_plain(run_json))
    except OSError:
        return False  # it is told that it can't be read


def _has_text(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0
