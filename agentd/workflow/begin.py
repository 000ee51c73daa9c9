"""Making a change: its folder, its STATE.yaml, and the step that writes its first documents."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from agentd.documents.verdict import documents_of
from agentd.errors import InputError
from agentd.ledger.store import StateStore
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
from agentd.workflow.step import StepOutcome, run_step
from agentd.workflow.steps import STEPS


def propose(workspace: Workspace, change: Path, description: str, order: Order) -> StepOutcome:
    """Run the ``proposal`` step of a change that has none yet."""
    if (change / "proposal.md").exists():
        raise InputError(
            f"change {change.name} has a proposal already",
            fix=f"Revise it with `agentd reproposal {change.name}`, or take another id.",
        )
    values = {"description": quoted(change.name, description)}
    return run_step(workspace, change, STEPS["proposal"], order, values=values)


def fill_back(workspace: Workspace, change: Path, path: str, order: Order) -> Iterator[StepOutcome]:
    """Write specs for the code under ``path``, a call for each part; goes on where it stopped."""
    parts = plan_parts(workspace.project.root, path)
    for part in next_parts(change, parts):
        calls = StateStore(change).read().calls
        good = [recording.did_its_work(change, call, "fillback") for call in calls]
        if adopt(change, part, good):
            continue
        mark_begun(change, part, len(calls))
        number = 1 + parts.index(part)
        values = {
            "path": path,
            "part": f"{number} of {len(parts)}: `{part.name}`",
            "files": file_list(part),
        }
        order.note(f"part {values['part']}")
        yield run_step(workspace, change, STEPS["fillback"], order, values=values)
        mark_done(change, part)
    StateStore(change).update(phase="complete")


def begin(
    workspace: Workspace, change_id: str, step: str, order: Order, *, described: bool
) -> Path:
    """The folder of a change, made with its STATE.yaml when there is none.

    ``described``: it was said what to change. Raises InputError for a bad id, for that of an
    archived change, and where it was not said and no proposal tells it; ConfigError when no
    provider could run ``step``. Then nothing is made.
    """
    change = workspace.project.change_dir(change_id)
    if not (change / "STATE.yaml").exists():
        _check_new(workspace, change, described)
        choose_for(workspace, change, STEPS[step], order)
        StateStore(change).create(change_id)
        if documents_of(change, "specs"):  # written by hand, or with OpenSpec
            with contextlib.suppress(SpecError):  # validation tells what is wrong with them
                snapshot.take(workspace.project, change)
    return change


def _check_new(workspace: Workspace, change: Path, described: bool) -> None:
    for archived in workspace.project.archived():
        if archived.id == change.name:
            raise InputError(
                f"change {change.name} is archived as {workspace.shown(archived.path)}/",
                fix=f"Take another id for a new change, such as {change.name[:62]}-2.",
            )
    if not described and not (change / "proposal.md").exists():
        raise InputError(
            f"there is no change {change.name} yet",
            fix=f'Say what to change: agentd plan {change.name} "DESCRIPTION"',
        )


def quoted(change_id: str, description: str) -> str:
    """The description as it stands in the prompt. Raises InputError when it is empty."""
    if not description.strip():
        raise InputError(
            "the description of the change is empty",
            fix=f'Say what to change: agentd proposal {change_id} "Add ..."',
        )
    return "\n> ".join(description.strip().splitlines())
