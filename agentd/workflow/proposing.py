"""Making a change: its folder, its STATE.yaml, and the step that writes its first documents."""

from __future__ import annotations

from agentd.errors import InputError
from agentd.state.store import StateStore
from agentd.workflow.engine import Order, StepOutcome, choose, run_step
from agentd.workflow.steps import STEPS
from agentd.workflow.workspace import Workspace


def propose(workspace: Workspace, change_id: str, description: str, order: Order) -> StepOutcome:
    """Make the change and run its ``proposal`` step."""
    if not description.strip():
        raise InputError(
            "the description of the change is empty",
            fix=f'Say what to change: agentd proposal {change_id} "Add ..."',
        )
    quoted = "\n> ".join(description.strip().splitlines())
    return _begin(workspace, change_id, "proposal", order, description=quoted)


def fill_back(workspace: Workspace, change_id: str, path: str, order: Order) -> StepOutcome:
    """Make a change that writes specs for the code under ``path``, relative to the root."""
    inside = (workspace.project.root / path).resolve()
    if not inside.exists() or not inside.is_relative_to(workspace.project.root.resolve()):
        raise InputError(
            f"{path} is no file or folder of this project",
            fix="Name one relative to the project's root with --path.",
        )
    return _begin(workspace, change_id, "fillback", order, path=path)


def _begin(
    workspace: Workspace, change_id: str, step: str, order: Order, **values: str
) -> StepOutcome:
    change = workspace.project.change_dir(change_id)
    if (change / "proposal.md").exists():
        raise InputError(
            f"change {change_id} has a proposal already",
            fix=f"Revise it with `agentd reproposal {change_id}`, or take another id.",
        )
    choose(workspace, STEPS[step], order)  # a wrong provider leaves no change behind
    if not (change / "STATE.yaml").exists():
        change.mkdir(parents=True, exist_ok=True)
        StateStore(change).create(change_id)
    return run_step(workspace, change, STEPS[step], order, **values)
