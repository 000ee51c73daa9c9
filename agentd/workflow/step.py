"""Runs one step of a change: is it ready, attempts until one is good, ledger and phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from agentd.documents.owed import missing
from agentd.documents.verdict import ruling_of
from agentd.errors import InputError
from agentd.frozen import frozen
from agentd.metering.call import CallRecord
from agentd.project.change import Change
from agentd.project.phases import read_phase
from agentd.runner.run_folder import FEEDBACK
from agentd.workflow.attempts import run_until_done
from agentd.workflow.changed_files import Lines, changed_since, look_before
from agentd.workflow.checks.deciding import before_step
from agentd.workflow.missing_documents import how_to_get
from agentd.workflow.next_command import next_command
from agentd.workflow.step_run import StepRun
from agentd.workflow.steps import Step
from agentd.workflow.unentered import settle_before_step


@frozen(kw_only=True)
class StepOutcome:
    """A step that is done: its call, the files it owed, its verdict.

    ``changed`` are the project's files that it changed, ``issues`` the titles of those that a judge
    found who does not approve.

    ``record`` is None where the project's checks judged instead of a model.
    """

    change: Change
    step: Step
    record: CallRecord | None
    written: list[Path]
    verdict: str | None = None
    changed: Mapping[str, Lines] = field(default_factory=dict)
    issues: Sequence[str] = ()


def run_step(run: StepRun) -> StepOutcome:
    """Run one step of a change; each of its calls is recorded, whatever becomes of it.

    A run of this step that agentd did not live to record, and that was good, is taken instead of a
    new one. Raises InputError when the change is not ready, BudgetExceeded (exit 3) when its budget
    does not allow the call or stopped it, ProviderError (exit 4) when the CLI failed or did not do
    its work, Cancelled when a person stopped it.
    """
    if (earlier := adopted(run)) is not None:
        return earlier
    check_ready(run.change, run.step)
    run, is_paid = before_step(_with_feedback(_with_doubt(run)))
    before = look_before(run.change.project) if run.step.code else None
    record = run_until_done(run) if is_paid else None
    run.order.timed_out.clear()
    changed = {} if before is None else changed_since(before)
    return _outcome(run, record, changed)


def adopted(run: StepRun) -> StepOutcome | None:
    """What a run of this step did that agentd did not live to record; it is entered now.

    None when there was none, or its work is not there. Raises as :func:`settle_before_step`.
    """
    for settled in settle_before_step(run.change, run.order):
        if settled.done and settled.record.step == run.step.name:
            return _outcome(run, settled.record)
    for step, lost in run.order.timed_out.items():
        if step != run.step.name:
            raise lost.error
    return None


def is_written(change: Change, step: Step) -> bool:
    """Whether all documents that a step owes are there."""
    return not missing(change, step.writes)


def check_ready(change: Change, step: Step) -> None:
    """Raise InputError unless the phase allows the step and the documents it reads are there."""
    phase = read_phase(change.state.phase)
    if phase is not None and phase not in step.phases:
        raise InputError(
            f"change {change.id} is in phase {phase}; {step.command} starts from "
            f"{' or '.join(step.phases)}",
            fix="It is archived." if phase == "archived" else f"Next: {next_command(change)}",
        )
    if gone := missing(change, step.reads):
        raise InputError(
            f"change {change.id} has no {' and no '.join(gone)}; {step.command} reads it",
            fix=how_to_get(change, gone),
        )


def _with_doubt(run: StepRun) -> StepRun:
    """The run of a judge that is asked again, with why what it has said can't be taken."""
    if run.change.state.last_action != run.step.name:
        return run
    doubt = ruling_of(run.change, run.step.judgement).doubt
    return replace(run, values={**run.values, "doubt": doubt}) if doubt else run


def _with_feedback(run: StepRun) -> StepRun:
    """The run with what a person has said, which its folder keeps."""
    feedback = run.change.state.feedback
    if not feedback or not run.step.takes_feedback:
        return run
    return replace(
        run,
        values={**run.values, "feedback": feedback},
        keeps={**run.keeps, FEEDBACK: feedback.encode()},
    )


def _outcome(
    run: StepRun, record: CallRecord | None, changed: Mapping[str, Lines] | None = None
) -> StepOutcome:
    change, step = run.change, run.step
    ruling = ruling_of(change, step.judgement)
    if ruling.doubt:
        run.order.warn(f"{step.name}: {step.writes[0]} can't be taken: {ruling.doubt}")
    return StepOutcome(
        change=change,
        step=step,
        record=record,
        written=[path for name in step.writes for path in change.documents(name)],
        verdict=ruling.verdict,
        changed=changed or {},
        issues=_issues(run, ruling.verdict),
    )


def _issues(run: StepRun, verdict: str | None) -> tuple[str, ...]:
    """The titles of the open issues of a judgement that does not approve."""
    if run.step.judgement is None or verdict in (None, run.step.judgement.verdicts[0]):
        return ()
    from agentd.documents.review_issues import issues_of

    text = run.change.text(run.step.judgement.document) or ""
    return tuple(issue.title for issue in issues_of(text) if not issue.is_closed)
