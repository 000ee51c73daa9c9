"""The loops at work: they run steps until the judge approves, and can be taken up again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agentd.documents.owed import owes_specs
from agentd.documents.review_issues import fingerprint
from agentd.documents.verdict import Ruling, judged_text, ruling_of
from agentd.errors import LoopEnded, Paused
from agentd.metering.call import CallRecord
from agentd.project.change import Change
from agentd.project.phases import read_phase
from agentd.workflow import recording
from agentd.workflow.decide import Loop, Situation, Stop, decide
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


def observe(change: Change, loop: Loop) -> Situation:
    """Where the change stands in ``loop``, after a person may have edited its documents.

    The phase is the one that the judge's document asks for, which STATE.yaml may not say yet.
    """
    state = change.state
    judge = STEPS[loop.judge]
    last = last_step(change, loop)
    ruling = ruling_of(change, judge.judgement) if last == loop.judge else Ruling(None)
    phase = read_phase(state.phase)
    asked = judge.verdicts.get(ruling.verdict or "")
    if asked is not None and asked != phase:
        judged = judged_text(change, judge.judgement) if judge.judgement else None
        if judged is not None and judged == change.text(judge.writes[0]):
            last = loop.first  # a person edited the phase
        else:
            phase = asked
    return Situation(
        phase=phase,
        last=last,
        iteration=state.iteration or 1,
        verdict=ruling.verdict,
        doubt=ruling.doubt,
        asked=_asked(state.calls, loop),
        stuck=_is_stuck(change, loop, state.calls),
        feedback=bool(state.feedback)
        and STEPS[loop.mend].takes_feedback
        and (change.folder / judge.writes[0]).is_file(),
    )


def last_step(change: Change, loop: Loop) -> str | None:
    """The step that ended well last; told by the documents where STATE.yaml does not know."""
    if change.state.last_action in loop.steps:
        return change.state.last_action
    owed = (name for name in STEPS[loop.first].writes if name != "specs" or owes_specs(change))
    there = all((change.folder / name).exists() for name in owed)
    told = read_phase(change.state.phase) in loop.told_by_documents
    return loop.first if there and told else None


def _asked(calls: tuple[CallRecord, ...], loop: Loop) -> int:
    """How often the judge has answered since another step did."""
    good = [call.step for call in calls if call.status == "ok"]
    return next((i for i, step in enumerate(reversed(good)) if step != loop.judge), len(good))


def _is_stuck(change: Change, loop: Loop, calls: tuple[CallRecord, ...]) -> bool:
    """Whether the judge's last two rounds, with a mending between, found the same issues."""
    name = STEPS[loop.judge].writes[0]
    rounds = [
        call for call in calls if call.status == "ok" and call.step in (loop.judge, loop.mend)
    ]
    if [call.step for call in rounds[-3:]] != [loop.judge, loop.mend, loop.judge]:
        return False
    before, now = change.text(f"runs/{rounds[-3].id}/{name}"), change.text(name)
    if before is None or now is None:
        return False
    return bool(fingerprint(now)) and fingerprint(before) == fingerprint(now)


def _stopped(change: Change, loop: Loop, stop: Stop) -> LoopEnded | Paused:
    document = change.project.shown(change.folder / STEPS[loop.judge].writes[0])
    if stop.kind == "paused":
        return Paused(
            f"{change.id}: {stop.why}",
            fix=f"Read {document}, mend that yourself or tick another box under Verdict; then: "
            f"agentd run {change.id}",
        )
    go_on = f'To go on: {change.go_on} --feedback "WHAT TO CHANGE"'
    if not STEPS[loop.mend].takes_feedback:
        go_on = f"To have it reviewed again, delete it and run: {change.go_on}"
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
            fix=f"{stacked[0].fix}; then: agentd run {change.id}",
        )
    issues = [
        recording.issue(number, each.message, each.place) for number, each in enumerate(errors, 1)
    ]
    summary = f"`agentd validate` found {len(errors)} errors"
    recording.judge_without_model(change, step, summary, issues)
    run.order.note(f"validate: {len(errors)} errors, see {document}; no {step.name} was paid for")
    return False
