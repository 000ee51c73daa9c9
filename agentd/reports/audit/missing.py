"""Runs whose call is in no ledger, though they left something."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from agentd.errors import StateError
from agentd.ledger import call_fields, plain_files
from agentd.ledger.run_folders import ENTERED, PENDING, run_dirs
from agentd.metering.call import CallRecord
from agentd.metering.money import usd
from agentd.reports.audit.problems import Problem
from agentd.runner import recovery
from agentd.runner.run_folder import RunFolder


class Found(NamedTuple):
    """A run's folder; ``entered``: its call was in the ledger before this was looked at.

    ``attended``: an agentd works on it now, and will enter it.
    """

    path: Path
    stage: Literal["entered", "attended", "kept", "left"]


def find_runs(change: Path) -> dict[str, Found]:
    """The folders of a change's runs by call id.

    To be asked before the ledger is read: a run may be entered at any moment.
    """
    runs = change / "runs"
    folders = () if runs.is_symlink() else run_dirs(runs)
    return {path.name: Found(path, _stage(path)) for path in folders}


def check_recorded(
    change_id: str, runs: Collection[Found], ids: Collection[str]
) -> Iterator[tuple[str, Problem]]:
    """What is wrong with each run that is not in the ledger, with its call id."""
    for run in runs:
        if run.path.name not in ids and (problem := _missing(run, change_id)) is not None:
            yield run.path.name, problem


def _stage(path: Path) -> Literal["entered", "attended", "kept", "left"]:
    if (path / ENTERED).exists():
        return "entered"
    # Attended before kept: what is attended may be entered while we look.
    folder = RunFolder(path)
    try:
        if folder.run_json.exists() and folder.is_attended():
            return "attended"
    except StateError:
        return "left"  # a damaged run.json
    if (path / ENTERED).exists():
        return "entered"
    return "kept" if (path / PENDING).exists() else "left"


def _missing(run: Found, change_id: str) -> Problem | None:
    if run.stage == "attended":
        return None
    enters = f"`agentd status {change_id}` enters it."
    if run.stage == "left":
        return _left(RunFolder(run.path), enters)
    name, text = (
        (PENDING, "was kept, and is not in the ledger yet")
        if run.stage == "kept"
        else (ENTERED, "was in the ledger once, and is not there any more")
    )
    try:
        call = _read(run.path / name)
    except ValueError as error:
        return Problem("missing", f"{text}; {name} is damaged ({error})", fix=f"See {run.path}.")
    fix = (
        enters
        if run.stage == "kept"
        else f"If another branch of git is not the reason, put it back: the call is in {name}."
    )
    cost_usd = call.cost_usd
    return Problem(
        "missing", f"{text} ({usd(cost_usd, None)})", None, cost_usd, fix, -cost_usd or None
    )


def _left(folder: RunFolder, enters: str) -> Problem | None:
    if not folder.run_json.exists():
        output = folder.stdout
        if not (output.is_file() and output.stat().st_size):
            return None
        return Problem(
            "missing",
            "a run left output, but run.json, which says what it was, is gone",
            fix=f"See {folder.path}, and delete it.",
        )
    try:
        lives = recovery.still_running(folder)
    except StateError as error:
        return Problem("missing", error.message, fix=error.fix)
    if lives:
        return Problem(
            "missing",
            "a run was never recorded: its agentd is gone, its CLI still works",
            fix="The change's next step follows the CLI to its end and enters the call.",
        )
    return Problem("missing", "a run was never recorded: its agentd was killed", fix=enters)


def _read(path: Path) -> CallRecord:
    return call_fields.from_json((plain_files.read_file(path) or b"").decode())
