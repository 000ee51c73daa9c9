"""Making a change: its folder, its STATE.yaml, and the step that writes its first documents."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from agentd.documents.description import keep_description, told_openspec
from agentd.errors import InputError
from agentd.project.change import Change
from agentd.project.changes import archived_as, told_open
from agentd.project.layout import STATE_FILE
from agentd.project.workspace import Workspace
from agentd.specs import snapshot
from agentd.specs.model import SpecError
from agentd.workflow import recording
from agentd.workflow.attempts import choose_for
from agentd.workflow.fillback.parts import (
    adopt,
    file_list,
    mark_begun,
    mark_done,
    next_parts,
    plan_parts,
)
from agentd.workflow.order import Order
from agentd.workflow.step import StepOutcome, adopted, is_written, run_step
from agentd.workflow.step_run import StepRun
from agentd.workflow.steps import STEPS
from agentd.workflow.unentered import settle_before_step


def propose(change: Change, description: str, order: Order) -> StepOutcome:
    """Run the ``proposal`` step of a change that has none yet, or not all of its documents."""
    step = STEPS["proposal"]
    values = {"description": quoted(change.id, description)}
    run = StepRun(change=change, step=step, order=order, values=values)
    if (earlier := adopted(run)) is not None:
        return earlier
    if is_written(change, step):
        raise InputError(
            f"change {change.id} has a proposal already",
            fix=f"To go on: {change.go_on}. To have it revised: "
            f'{change.go_on} --feedback "WHAT TO CHANGE". Or take another id.',
        )
    keep_description(change, values["description"])
    return run_step(run)


def fill_back(change: Change, path: str, order: Order) -> Iterator[StepOutcome]:
    """Write specs for the code under ``path``, a call for each part; goes on where it stopped."""
    step = STEPS["fillback"]
    settle_before_step(change, order)  # else a part would take the call of the one before it
    parts = plan_parts(change.project.root, path)
    for part in next_parts(change.folder, parts):
        calls = change.state.calls
        good = [recording.did_its_work(change, call, step.name) for call in calls]
        if adopt(change.folder, part, good):
            continue
        mark_begun(change.folder, part, len(calls), path)
        number = 1 + parts.index(part)
        values = {
            "path": path,
            "part": f"{number} of {len(parts)}: `{part.name}`",
            "files": file_list(part),
        }
        order.note(f"part {values['part']}")
        run = StepRun(change=change, step=step, order=order, values=values, sources=part.files)
        yield run_step(run)
        mark_done(change.folder, part)
    change.ledger.update(phase="complete")


def begin(
    workspace: Workspace, change_id: str, step: str, order: Order, *, described: bool
) -> Change:
    """A change, made with its STATE.yaml when there is none.

    ``described``: it was said what to change. Raises InputError for a bad id, for that of an
    archived change, and where it was not said and no proposal tells it; ConfigError when no
    provider could run ``step``. Then nothing is made.
    """
    project = workspace.project
    change = Change(project, change_id, project.change_dir(change_id), workspace=workspace)
    if not (change.folder / "STATE.yaml").exists():
        _check_new(change, described)
        choose_for(StepRun(change=change, step=STEPS[step], order=order))
        take_up(change)
    return change


def take_up(change: Change) -> None:
    """Write the STATE.yaml of a change that has none yet. Raises StateError."""
    change.ledger.create(change.id, phase="archived" if change.archived_on else "proposed")
    if change.documents("specs") and not change.archived_on:  # by hand, or with OpenSpec
        with contextlib.suppress(SpecError):  # validation tells what is wrong with them
            snapshot.take(change.project, change.folder)


def _check_new(change: Change, described: bool) -> None:
    archived = archived_as(change.project, change.id)
    if archived is not None and not archived.is_deleted:
        where = change.project.shown(archived.folder)
        fix = f"Take another id for a new change, such as {archived.id[:62]}-2."
        if change.documents("proposal.md") and not archived.documents("proposal.md"):
            # As after a merge of a branch that went on with one that deleted it.
            fix = f"Move its ledger to its documents to go on: git mv {where}/{STATE_FILE} "
            fix += f"{change.project.shown(change.folder)}/"
        raise InputError(f"change {change.id} is archived as {where}/", fix=fix)
    if not (described or (change.folder / "proposal.md").exists() or told_openspec(change)):
        raise InputError(
            f"there is no change {change.id} yet",
            fix=f'Say what to change: {change.go_on} "DESCRIPTION"'
            + (f" ({told})" if (told := told_open(change.project)) else ""),
        )


def quoted(change_id: str, description: str) -> str:
    """The description as it stands in the prompt. Raises InputError when it is empty."""
    if not description.strip():
        raise InputError(
            "the description of the change is empty",
            fix=f'Say what to change: agentd run {change_id} "Add ..."',
        )
    return "\n> ".join(description.strip().splitlines())
