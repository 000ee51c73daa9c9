"""The loops at work: they run steps until the judge approves, and can be taken up again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from agentd.documents.fix import fix_change
from agentd.documents.review_issues import fingerprint
from agentd.documents.validate import validate_change
from agentd.documents.verdict import read, verdict_of
from agentd.errors import LoopEnded, Paused
from agentd.files import write_atomic
from agentd.ledger.store import State, StateStore
from agentd.metering.call import CallRecord
from agentd.project.phases import read_phase
from agentd.project.workspace import Workspace
from agentd.workflow.checks import detect as checks_detect
from agentd.workflow.checks.run import as_markdown, run_checks
from agentd.workflow.decide import ARCHIVE, IMPL, Loop, Run, Situation, Stop, decide
from agentd.workflow.order import Order
from agentd.workflow.recording import settle_before_step
from agentd.workflow.step import StepOutcome, check_ready, run_step
from agentd.workflow.steps import STEPS, Step


def drive(
    workspace: Workspace,
    change: Path,
    loop: Loop,
    order: Order,
    values: Mapping[str, str] | None = None,
) -> Iterator[StepOutcome]:
    """Run the steps of ``loop`` from where the change stands, until its judge approves.

    ``values`` are those of its first step. Raises LoopEnded (exit 5) when it ends without approval,
    Paused (exit 6) when a person must decide, and what a step raises.
    """
    limit = getattr(workspace.config.workflow, loop.limit)
    settle_before_step(workspace, change, order)
    while True:
        action = decide(loop, observe(change, loop), limit)
        if isinstance(action, Stop):
            raise _stopped(workspace, change, loop, action)
        if not isinstance(action, Run):
            return
        step = STEPS[action.step]
        if step.name == "challenge" and not _is_valid(workspace, change, order):
            continue
        given = values_for(workspace, change, step, order)
        if step.name == loop.first:
            given |= values or {}
        yield run_step(workspace, change, step, order, values=given)


def observe(change: Path, loop: Loop) -> Situation:
    """Where the change stands in ``loop``, after a person may have edited its documents."""
    store = StateStore(change)
    state = store.read()
    judge = STEPS[loop.judge]
    last = last_step(change, loop, state)
    verdict = verdict_of(change, judge.judgement) if last == loop.judge else None
    phase = read_phase(state.phase)
    asked, _ = judge.verdicts.get(verdict or "", (None, None))
    if asked is not None and asked != phase:
        if _is_as_judged(change, loop, state.calls):  # a person edited the phase
            last = loop.first
        else:  # a person ticked another box
            store.update(phase=asked)
            phase = asked
    return Situation(
        phase=phase,
        last=last,
        iteration=state.iteration or 1,
        verdict=verdict,
        asked=_asked(state.calls, loop),
        stuck=_is_stuck(change, loop, state.calls),
    )


def last_step(change: Path, loop: Loop, state: State) -> str | None:
    """The step that ended well last; told by the documents where STATE.yaml does not know."""
    if state.last_action in (loop.first, loop.judge, loop.mend):
        return state.last_action
    there = all((change / name).exists() for name in STEPS[loop.first].writes)
    begun = loop is not IMPL or read_phase(state.phase) == "implementing"
    return loop.first if there and begun and loop.first != "archive" else None


def _is_as_judged(change: Path, loop: Loop, calls: tuple[CallRecord, ...]) -> bool:
    """Whether the judge's document is as its last call left it."""
    name = STEPS[loop.judge].writes[0]
    good = [call.id for call in calls if call.step == loop.judge and call.status == "ok"]
    kept = read(change / "runs" / good[-1] / name) if good else None
    return kept is not None and kept == read(change / name)


def _asked(calls: tuple[CallRecord, ...], loop: Loop) -> int:
    """How often the judge has answered since another step did."""
    good = [call.step for call in calls if call.status == "ok"]
    return next((i for i, step in enumerate(reversed(good)) if step != loop.judge), len(good))


def _is_stuck(change: Path, loop: Loop, calls: tuple[CallRecord, ...]) -> bool:
    """Whether the judge's last two rounds, with a mending between, found the same issues."""
    name = STEPS[loop.judge].writes[0]
    rounds = [
        call for call in calls if call.status == "ok" and call.step in (loop.judge, loop.mend)
    ]
    if [call.step for call in rounds[-3:]] != [loop.judge, loop.mend, loop.judge]:
        return False
    before, now = read(change / "runs" / rounds[-3].id / name), read(change / name)
    if before is None or now is None:
        return False
    return bool(fingerprint(now)) and fingerprint(before) == fingerprint(now)


def _stopped(workspace: Workspace, change: Path, loop: Loop, stop: Stop) -> LoopEnded | Paused:
    document = workspace.shown(change / STEPS[loop.judge].writes[0])
    if stop.kind == "paused":
        return Paused(
            f"{change.name}: {stop.why}",
            fix=f"Read {document} and tick one box under Verdict; then: "
            f"agentd {loop.name} {change.name}",
        )
    go_on = f"To go on: agentd {STEPS[loop.mend].command} {change.name}"
    if loop is ARCHIVE:
        go_on = f"To have it reviewed again, delete it and run: agentd archive {change.name}"
    return LoopEnded(f"{change.name} is not approved: {stop.why}", fix=f"Read {document}. {go_on}")


def _is_valid(workspace: Workspace, change: Path, order: Order) -> bool:
    """Validate before money is spent on a challenge; what is wrong becomes a challenge itself."""
    for mended in fix_change(workspace.project, change):
        order.note(f"mended {mended.path}: {', '.join(mended.notes)}")
    report = validate_change(workspace.project, change, workspace.config)
    written_anew = workspace.shown(change / "CHALLENGE.md")
    errors = [issue for issue in report.errors if issue.path != written_anew]
    if not errors:
        return True
    issues = "\n".join(
        f"### Issue {number}: {issue.message}\n- Severity: High\n- Where: {issue.place}\n"
        for number, issue in enumerate(errors, 1)
    )
    text = (
        f"# Challenge: {change.name}\n\n## Summary\n`agentd validate` found {len(errors)} "
        f"errors; no model was asked.\n\n## Issues\n\n{issues}\n## Verdict\n- [ ] APPROVED\n"
        "- [x] NEEDS_REVISION\n- [ ] REJECTED\n"
    )
    write_atomic(change / "CHALLENGE.md", text.encode())
    StateStore(change).update(last_action="challenge")
    order.note(f"validate: {len(errors)} errors, see CHALLENGE.md; no challenge was paid for")
    return False


def values_for(workspace: Workspace, change: Path, step: Step, order: Order) -> dict[str, str]:
    """What fills the fields of a step's prompt: for the review, what the project's checks print."""
    if step.name != "review":
        return {}
    check_ready(change, step, StateStore(change).read().phase)
    settings = workspace.config.checks
    checks = checks_detect.choose(workspace.project.root, settings)
    for check in checks:
        order.note(f"{check.name}: {check.command} ...")
    results = run_checks(
        workspace.project.root,
        checks,
        timeout_s=settings.timeout_secs,
        max_output_chars=settings.max_output_chars,
    )
    return {"checks": as_markdown(results)}
