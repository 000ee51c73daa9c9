"""A judge's earlier document while it judges anew: in the run's folder, safe from a crash."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from agentd.errors import InputError
from agentd.files import move_over, sync_folder
from agentd.project.change import Change
from agentd.project.hold import at_work
from agentd.runner.run_folder import TO_BE_PUT_BACK
from agentd.workflow.step_run import StepRun

_REPLACED = ".replaced"


@contextlib.contextmanager
def set_aside(run: StepRun, run_dir: Path) -> Iterator[None]:
    """Move away what a judge wrote before, so that it can't pass for a new judgement.

    It comes back when the run leaves nothing in its place: here, or by :func:`put_back` when
    agentd did not live to see that.
    """
    place = run.change.folder / run.step.writes[0] if run.step.verdicts else None
    if place is None or not place.is_file():
        yield
        return
    aside = run_dir / f"{place.name}{TO_BE_PUT_BACK}"
    _move(place, aside)
    try:
        yield
    finally:
        _put_back(aside, run.change)


def put_back(change: Change, *, held: bool) -> None:
    """Put back what runs had set aside that have ended without agentd.

    Not ``held``, it takes the hold on the change for that, and leaves it when another has it.
    """
    waiting = sorted(change.runs_dir.glob(f"*/*{TO_BE_PUT_BACK}"))
    if not waiting:
        return
    with contextlib.suppress(InputError), contextlib.nullcontext() if held else at_work(change):
        for aside in waiting:
            _put_back(aside, change)


def _put_back(aside: Path, change: Change) -> None:
    name = aside.name.removesuffix(TO_BE_PUT_BACK)
    if os.path.lexists(change.folder / name):
        # The run has its own. A guard that could not end is told who moved it.
        move_over(aside, aside.with_name(f"{name}{_REPLACED}"), durable=False)
        return
    _move(aside, change.folder / name)
    with contextlib.suppress(OSError):
        aside.parent.rmdir()  # of a run that never began nothing is left


def _move(source: Path, target: Path) -> None:
    source.replace(target)
    sync_folder(target.parent)
    sync_folder(source.parent)
