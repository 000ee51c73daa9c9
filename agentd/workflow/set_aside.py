"""A judge's earlier document: while it judges anew in the run's folder, then in ``rounds/``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from agentd.documents.verdict import read_verdict
from agentd.errors import InputError
from agentd.files import make_folders, move_over, read_plain, sync_folder
from agentd.guard.aside import free_name
from agentd.ledger.run_folders import ENTERED
from agentd.project.change import Change
from agentd.project.hold import at_work
from agentd.runner.run_folder import TO_BE_PUT_BACK
from agentd.workflow.step_run import StepRun
from agentd.workflow.steps import STEPS

_REPLACED = ".replaced"
ROUNDS = "rounds"


@contextlib.contextmanager
def set_aside(run: StepRun, run_dir: Path) -> Iterator[None]:
    """Move away what a judge wrote before, so that it can't pass for a new judgement.

    It comes back when the run leaves nothing in its place, else it goes to ``rounds/``: here, or by
    :func:`put_back` when agentd did not live to see that.
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
    waiting = _waiting(change)
    if not waiting:
        return
    with contextlib.suppress(InputError), contextlib.nullcontext() if held else at_work(change):
        for aside in waiting:
            _put_back(aside, change)


def put_away(change: Change) -> None:
    """Move what is left of entered runs to ``rounds/``, as the disk had failed when they ended.

    For who holds the change; where it fails still, the next command tries again. Of a run that is
    not entered the CLI may be at work.
    """
    for aside in _waiting(change):
        if (aside.parent / ENTERED).exists():
            _put_away(aside, change)


def _waiting(change: Change) -> list[Path]:
    """What runs have set aside; what else is called so is no document of agentd's."""
    names = [f"{step.writes[0]}{TO_BE_PUT_BACK}" for step in STEPS.values() if step.verdicts]
    return sorted(path for name in names for path in change.runs_dir.glob(f"*/{name}"))


def _put_back(aside: Path, change: Change) -> None:
    place = change.folder / aside.name.removesuffix(TO_BE_PUT_BACK)
    if os.path.lexists(place):
        _put_away(aside, change)
        return
    _move(aside, place)
    with contextlib.suppress(OSError):
        aside.parent.rmdir()  # of a run that never began nothing is left


def _put_away(aside: Path, change: Change) -> None:
    name = aside.name.removesuffix(TO_BE_PUT_BACK)
    with contextlib.suppress(OSError):  # it stays with its run
        if not keep_round(change, aside, name):
            # A guard that could not end is told who moved it.
            move_over(aside, aside.with_name(f"{name}{_REPLACED}"), durable=False)


def keep_round(change: Change, path: Path, name: str) -> bool:
    """Move a judge's earlier document to ``rounds/NN-NAME``, which git keeps.

    False, and it stays, where it can't be read or gives no verdict. Raises OSError where the disk
    fails.
    """
    step = next((step for step in STEPS.values() if step.judgement and name in step.writes), None)
    folder = change.folder / ROUNDS
    try:
        text = read_plain(path).decode(errors="replace")
    except OSError:
        return False
    if step is None or read_verdict(text, tuple(step.verdicts)) is None:
        return False
    make_folders(folder)
    first = [there.name.partition("-")[0] for there in folder.glob(f"[0-9]*-{name}")]
    number = max((int(each) for each in first if each.isdecimal()), default=0) + 1
    move_over(path, folder / f"{number:02}-{name}")
    return True


def make_room(change: Change, path: Path) -> None:
    """Move what stands in the place of a judge's document to ``rounds/``, where no run keeps it.

    What gives no verdict, such as a person's notes, is no round: it gets another name there.
    """
    if not keep_round(change, path, path.name):
        folder = change.folder / ROUNDS
        make_folders(folder)
        move_over(path, free_name(folder / f"{path.name}{_REPLACED}"))


def _move(source: Path, target: Path) -> None:
    source.replace(target)
    sync_folder(target.parent)
    sync_folder(source.parent)
