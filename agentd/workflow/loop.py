"""The loops at work: they run steps until the judge approves, and can be taken up again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agentd.documents.verdict import FAILED_CHECKS
from agentd.errors import LoopEnded, Paused
from agentd.project.change import Change
from agentd.project.phases import read_phase
from agentd.workflow import recording
from agentd.workflow.decide import Loop, Stop, decide
from agentd.workflow.observed import observe
from agentd.workflow.order import Order
from agentd.workflow.step import StepOutcome, run_step
from agentd.workflow.step_run import StepRun
from agentd.workflow.steps import STEPS
from agentd.workflow.unentered import settle_before_step


def drive(
    change: Change, loop: Loop, order: Order, values: Mapping[str, str] | None = None
) -> Iterator[StepOutcome]:
    """Run the steps of ``loop`` from where the change stands, until its judge approves.

    ``values`` are those of its first step. Raises LoopEnded (exit 5) when it ends without approval,
    Paused (exit 6) when a person must decide, and what a step raises.
    """
    limit = getattr(change.workspace.config.workflow, loop.limit)
    settle_before_step(change, order)
    while True:
        seen = observe(change, loop)
        if seen.phase != read_phase(change.state.phase):  # a person ticked another box
            change.ledger.update(phase=seen.phase)
        action = decide(loop, seen, limit)
        if isinstance(action, Stop):
            raise _stopped(change, loop, action)
        if action is None:
            return
        step = STEPS[action]
        given = (values or {}) if action == loop.first else {}
        run = StepRun(change=change, step=step, order=order, values=given)
        if step.validates_first and not _is_valid(run):
            continue
        yield run_step(run)


def _stopped(change: Change, loop: Loop, stop: Stop) -> LoopEnded | Paused:
    document = change.project.shown(change.folder / STEPS[loop.judge].writes[0])
    if stop.kind == "paused":
        return Paused(
            f"{change.id}: {stop.why}",
            fix=f"Read {document}, mend that yourself or tick another box under Verdict; then: "
            f"{change.go_on}",
        )
    go_on = f'To go on: {change.go_on} --feedback "WHAT TO CHANGE"'
    if not STEPS[loop.mend].takes_feedback:
        go_on = f"To have it reviewed again, delete it and run: {change.go_on}"
    if FAILED_CHECKS in (change.text(STEPS[loop.judge].writes[0]) or ""):
        go_on += f"\nOr mend it yourself, and let the checks run again: agentd review {change.id}"
    return LoopEnded(f"{change.id} is not approved: {stop.why}", fix=f"Read {document}. {go_on}")


def _is_valid(run: StepRun) -> bool:
    """Validate before money is spent on a judgement; what is wrong is judged without a model."""
    from agentd.documents.fix import fix_change
    from agentd.documents.merge_rules import STACKED
    from agentd.documents.validate import validate_change
    from agentd.specs.files import check_places

    change, step, project = run.change, run.step, run.change.project
    check_places(project, change.folder)
    for mended in fix_change(project, change.folder):
        run.order.note(f"mended {mended.path}: {', '.join(mended.notes)}")
    report = validate_change(project, change.folder, change.workspace.config)
    document = step.writes[0]
    written_anew = project.shown(change.folder / document)
    errors = [issue for issue in report.errors if issue.path != written_anew]
    if not errors:
        return True
    if stacked := [issue for issue in errors if issue.code == STACKED]:
        raise Paused(
            f"{change.id} builds on another change: {stacked[0].message} ({stacked[0].place})",
            fix=f"{stacked[0].fix}; then: {change.go_on}",
        )
    issues = [
        recording.issue(number, each.message, each.place) for number, each in enumerate(errors, 1)
    ]
    summary = f"`agentd validate` found {len(errors)} errors"
    recording.judge_without_model(change, step, summary, issues)
    run.order.note(f"validate: {len(errors)} errors, see {document}; no {step.name} was paid for")
    return False
