"""A change from a sentence to the archive: the three loops, and the gates between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from agentd.config.model import GATES
from agentd.errors import InputError, Paused
from agentd.ledger.store import StateStore
from agentd.project.phases import read_phase
from agentd.project.workspace import Workspace
from agentd.workflow import archive as archiving
from agentd.workflow.begin import quoted
from agentd.workflow.decide import IMPL, PLAN
from agentd.workflow.loop import drive
from agentd.workflow.order import Order
from agentd.workflow.step import StepOutcome, run_step
from agentd.workflow.steps import STEPS


def plan(
    workspace: Workspace,
    change: Path,
    description: str | None,
    order: Order,
    *,
    small: bool = False,
) -> Iterator[StepOutcome]:
    """Propose and challenge until the challenge approves; ``small``: propose only.

    Raises InputError when there is neither a proposal nor a description.
    """
    values = {}
    state = StateStore(change).read()
    if not (change / "proposal.md").exists():
        if description is None:
            raise InputError(
                f"change {change.name} has no proposal yet",
                fix=f'Say what to change: agentd plan {change.name} "DESCRIPTION"',
            )
        values["description"] = quoted(change.name, description)
        if small:
            prompt = "proposal-small"
            step = STEPS["proposal"]
            yield run_step(workspace, change, step, order, prompt=prompt, values=values)
    elif small and read_phase(state.phase) == "proposed":
        StateStore(change).update(phase="challenged")
    yield from drive(workspace, change, PLAN, order, values)


def impl(workspace: Workspace, change: Path, order: Order) -> Iterator[StepOutcome]:
    """Implement and review until the review approves. Raises InputError before it is planned."""
    phase = read_phase(StateStore(change).read().phase)
    if phase in ("proposed", "rejected"):
        raise InputError(
            f"change {change.name} is in phase {phase}; impl starts when it is planned",
            fix=f"Next: agentd plan {change.name}",
        )
    yield from drive(workspace, change, IMPL, order)


def run(
    workspace: Workspace,
    change: Path,
    description: str | None,
    order: Order,
    *,
    small: bool,
    approved: Sequence[str],
    resolving: bool,
) -> Iterator[StepOutcome]:
    """All of it. Raises Paused (exit 6) at a gate that was not approved."""
    for gate in approved:
        if gate not in GATES:
            raise InputError(f"--approve {gate}: no such gate; expected {' or '.join(GATES)}")

    def pass_archive_gate() -> None:
        _pass_gate(workspace, change, "archive", approved)

    phase = read_phase(StateStore(change).read().phase)
    if phase in (None, "proposed", "rejected"):
        yield from plan(workspace, change, description, order, small=small)
    if read_phase(StateStore(change).read().phase) == "challenged":
        _pass_gate(workspace, change, "plan", approved)
    if read_phase(StateStore(change).read().phase) in ("challenged", "implementing"):
        yield from impl(workspace, change, order)
        _pass_gate(workspace, change, "impl", approved)
    elif StateStore(change).read().last_action not in ("archive", "archive-review", "archive-fix"):
        _pass_gate(workspace, change, "impl", approved)
    yield from archiving.archive(
        workspace, change, order, resolving=resolving, before_publishing=pass_archive_gate
    )


def _pass_gate(workspace: Workspace, change: Path, gate: str, approved: Sequence[str]) -> None:
    if gate in workspace.config.workflow.gates and gate not in approved:
        raise Paused(
            f"{change.name}: the gate after {gate} waits for a person",
            fix=f"Look at {workspace.shown(change)}/, then: "
            f"agentd run {change.name} --approve {gate}",
        )
