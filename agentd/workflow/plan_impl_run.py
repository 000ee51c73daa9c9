"""A change from a sentence to the archive: the three loops, and the gates between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentd.config.model import GATES
from agentd.documents.description import earlier_description, keep_description, told_openspec
from agentd.errors import InputError, Paused
from agentd.files import remove_tree
from agentd.project.change import Change
from agentd.project.phases import read_phase
from agentd.specs.files import check_places
from agentd.specs.staging import merged_dir
from agentd.workflow.archive import archive
from agentd.workflow.begin import quoted
from agentd.workflow.can_run import check_can_run, steps_ahead
from agentd.workflow.checks.deciding import announce
from agentd.workflow.decide import ARCHIVE, IMPL, LOOPS, PLAN, Loop
from agentd.workflow.loop import drive
from agentd.workflow.next_command import next_command
from agentd.workflow.order import Order
from agentd.workflow.step import StepOutcome, is_written, run_step
from agentd.workflow.step_run import StepRun
from agentd.workflow.steps import STEPS
from agentd.workflow.unentered import settle_before_step

_TAKEN_UP = (
    "Take up the proposal in the folder of this change: what is missing there is to be written."
)


def plan(
    change: Change,
    description: str | None,
    order: Order,
    *,
    small: bool = False,
    ahead: Sequence[Loop] = (PLAN,),
) -> Iterator[StepOutcome]:
    """Propose and challenge until the challenge approves; ``small``: propose only.

    Nothing begins unless each step of the loops that are ``ahead`` has its CLI.

    A proposal that is there in part, by a person or a step that was killed, is taken up.

    Without a ``description``, the one before counts: its run may have been stopped before it wrote
    anything. So does what ``openspec new`` was told. Raises InputError when there is neither a
    proposal nor a description.
    """
    first = STEPS[PLAN.first]
    settle_before_step(change, order)
    check_places(change.project, change.folder)
    written = is_written(change, first)
    told = None if written or description is None else quoted(change.id, description)
    if told is None and not written and not (change.folder / "proposal.md").exists():
        if (told := earlier_description(change)) is not None:
            order.note("takes the description that it was given before")
        elif (given := told_openspec(change)) is not None:
            told = quoted(change.id, given)
            order.note("takes the description that OpenSpec was given")
        else:
            go_on = next_command(change)
            says = "Say what to change" if "DESCRIPTION" in go_on else "Next"
            raise InputError(f"change {change.id} has no proposal yet", fix=f"{says}: {go_on}")
    if told is not None:
        keep_description(change, told)
    else:
        _warn_unused(change, description, order)
    _check_ahead(change, order, ahead, small=small)
    values = {"description": _TAKEN_UP if told is None else told}
    if small and not written:
        yield run_step(StepRun(change=change, step=first, order=order, values=values, small=True))
    elif small and read_phase(change.state.phase) == "proposed":
        change.ledger.update(phase=STEPS[PLAN.first].small_phase)
    yield from drive(change, PLAN, order, values)


def _warn_unused(change: Change, description: str | None, order: Order) -> None:
    if description is None or earlier_description(change) == quoted(change.id, description):
        return
    order.warn(
        f"warning: {change.id} has a proposal already, so the new description is not used. To "
        f'have it revised: {change.go_on} --feedback "WHAT TO CHANGE"'
    )


def impl(change: Change, order: Order) -> Iterator[StepOutcome]:
    """Implement and review until the review approves. Raises InputError before it is planned."""
    phase = read_phase(change.state.phase)
    if phase in ("proposed", "rejected"):
        raise InputError(
            f"change {change.id} is in phase {phase}; impl starts when it is planned",
            fix=f"Next: {next_command(change)}",
        )
    _check_ahead(change, order, [IMPL])
    if phase not in IMPL.done:
        announce(change, order)
    elif phase == "complete" and change.state.feedback:
        remove_tree(merged_dir(change.folder))  # what was merged is of the change as it was
    yield from drive(change, IMPL, order)


def run(
    change: Change,
    description: str | None,
    order: Order,
    *,
    small: bool,
    approved: Sequence[str],
    resolving: bool,
) -> Iterator[StepOutcome]:
    """All of it. Raises Paused (exit 6) at a gate that was not approved, now or before."""
    for gate in approved:
        if gate not in GATES:
            raise InputError(f"--approve {gate}: no such gate; expected {' or '.join(GATES)}")
    if approved:
        change.ledger.approve(approved)

    def pass_archive_gate() -> None:
        _pass_gate(change, "archive")

    phase, feedback = read_phase(change.state.phase), bool(change.state.feedback)
    if phase in (None, "proposed", "rejected") or (phase == "challenged" and feedback):
        yield from plan(change, description, order, small=small, ahead=LOOPS)
    else:
        _warn_unused(change, description, order)
        _check_ahead(change, order, LOOPS)
    if read_phase(change.state.phase) == "challenged":
        _pass_gate(change, "plan")
    phase = read_phase(change.state.phase)
    if phase in ("challenged", "implementing") or (phase == "complete" and change.state.feedback):
        yield from impl(change, order)
        _pass_gate(change, "impl")
    elif change.state.last_action not in ARCHIVE.steps:
        _pass_gate(change, "impl")
    yield from archive(change, order, resolving=resolving, before_publishing=pass_archive_gate)


def _check_ahead(
    change: Change, order: Order, loops: Sequence[Loop], *, small: bool = False
) -> None:
    phase, reopened = read_phase(change.state.phase), bool(change.state.feedback)
    steps = steps_ahead(phase, loops, small=small, reopened=reopened)
    check_can_run(change.workspace, steps, order)


def _pass_gate(change: Change, gate: str) -> None:
    gates = change.workspace.config.workflow.gates
    if gate in gates and gate not in change.state.approved:
        raise Paused(
            f"{change.id}: the gate after {gate} waits for a person",
            fix=f"Look at {change.project.shown(change.folder)}/, then: "
            f"{change.go_on} --approve {gate}\n"
            f'Or say what to change: {change.go_on} --feedback "WHAT TO CHANGE"',
        )
