"""From a run to the ledger: price it, keep it, enter it, with what it changes for the change."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agentd.documents.verdict import (
    NOT_COVERED,
    Judgement,
    uncovered,
    verdict_of,
)
from agentd.files import read_plain, sync_file, sync_folder, write_atomic
from agentd.late_pattern import late_pattern
from agentd.ledger import plain_files
from agentd.ledger.changes import Changes
from agentd.metering.call import CallRecord
from agentd.metering.pricing import PriceBook
from agentd.project.change import Change
from agentd.project.layout import STATE_FILE
from agentd.project.phases import still_approved
from agentd.runner.result import RunResult
from agentd.runner.run_folder import FEEDBACK
from agentd.runner.told_by_cli import Outcome
from agentd.workflow.priced_call import new_call, priced_call
from agentd.workflow.set_aside import make_room
from agentd.workflow.step_run import StepRun
from agentd.workflow.steps import Step

_GIVEN = late_pattern(rb"^(?:approvals|feedback):", re.MULTILINE)
# In a run's folder.
_DONE = "done"


def keep(change: Change, result: RunResult, *, overridden: bool = False) -> CallRecord:
    """Price a run and write its call into its folder, to be entered whatever happens next.

    ``overridden``: a person let it go beyond its budget. Raises StateError.
    """
    record = priced(result, change.workspace.prices_of(result.provider))
    if overridden:
        record = replace(record, budget="overridden")
    change.ledger.keep_unjudged(record)
    return record


def enter(change: Change, record: CallRecord, changes: Changes) -> CallRecord:
    """Record a call together with what it changes for the change.

    Raises StateError when STATE.yaml can't take it: then it is kept.
    """
    change.ledger.append(record, changes)
    change.ledger.mark_entered(record.id)
    return record


def priced(result: RunResult, prices: PriceBook) -> CallRecord:
    """The ledger's record of a run."""
    call = new_call(
        result.call_id,
        result.step,
        result.provider,
        status=result.status,
        started_at=result.started_at,
        duration_ms=result.duration_ms,
        session_id=result.session_id,
    )
    outcome = Outcome(
        usage=result.usage,
        accuracy=result.accuracy,
        usage_source=result.usage_source,
        model=result.model,
        why=result.why,
        requests=result.api_requests,
        request_count=result.requests,
    )
    return priced_call(call, outcome, prices)


def changes_after(run: StepRun, run_dir: Path) -> Changes:
    """What STATE.yaml says once the work of a step is there."""
    step = run.step
    phase = step.small_phase if run.small else step.phase
    if step.judgement:
        verdict = verdict_of(run.change, step.judgement)
        phase = step.verdicts.get(verdict or "")
    iteration = None
    if step.starts_rounds:
        iteration = 1
    elif step.mends:
        iteration = (run.change.state.iteration or 1) + 1
    changes = Changes(phase=phase, iteration=iteration, last_action=step.name)
    if not _GIVEN.search(plain_files.read_file(run.change.folder / STATE_FILE) or b""):
        return changes  # most have neither, and to read a ledger takes its time
    state = run.change.state
    return changes._replace(
        approvals=still_approved(state.approvals, state.phase, phase),
        feedback=_feedback_left(state.feedback, run_dir),
    )


def _feedback_left(feedback: str | None, run_dir: Path) -> str | None:
    """What was said since the run got what there was; None where it got nothing."""
    if not feedback or not (run_dir / FEEDBACK).is_file():
        return None
    given = read_plain(run_dir / FEEDBACK).decode(errors="replace").split("\n\n")
    return "\n\n".join(each for each in feedback.split("\n\n") if each not in given)


def _add_uncovered(change: Change, judgement: Judgement) -> None:
    """Add to what a judge wrote the scenarios that it finds missing, unless that is there."""
    text, missing = change.text(judgement.document), uncovered(change, judgement)
    if text is None or not missing or NOT_COVERED in text:
        return
    where = f"{judgement.document}, Coverage"
    issues = (issue(f"C{number}", sentence, where) for number, sentence in enumerate(missing, 1))
    text = f"{text.rstrip()}\n\n{NOT_COVERED}\n\n" + "\n".join(issues)
    write_atomic(change.folder / judgement.document, text.encode())


def issue(number: str | int, title: str, where: str) -> str:
    """An issue as judges write it."""
    return f"### Issue {number}: {title}\n- Severity: High\n- Where: {where}\n"


def judge_without_model(
    change: Change,
    step: Step,
    summary: str,
    issues: Sequence[str],
    *,
    heading: str = "## Issues",
    checks: str | None = None,
) -> None:
    """Write a judge's document that asks for changes, and that it is written into STATE.yaml."""
    approving, mending, *others = step.verdicts
    boxes = [f"- [ ] {approving}", f"- [x] {mending}", *(f"- [ ] {name}" for name in others)]
    text = (
        f"# {step.name.capitalize()}: {change.id}\n\n## Summary\n{summary}; no model was asked.\n\n"
        f"{heading}\n\n" + "\n".join(issues) + "\n## Verdict\n" + "\n".join(boxes) + "\n"
    )
    # The document first: were it not there, an older one would be taken for the judgement.
    place = change.folder / step.writes[0]
    if place.is_file() and change.text(place.name) != text:
        make_room(change, place)
    write_atomic(change.folder / step.writes[0], text.encode())
    phase, state = step.verdicts[mending], change.state
    change.ledger.update(
        phase=phase,
        last_action=step.name,
        checks=checks,
        approvals=still_approved(state.approvals, state.phase, phase),
    )


def _sync(run: StepRun, run_dir: Path) -> None:
    """Let what the CLI wrote survive a power cut, before the ledger says that it is there."""
    files = [path for name in run.step.writes for path in run.change.documents(name)]
    streams = [run_dir / name for name in ("stdout", "stderr", "requests.jsonl")]
    for path in (*files, *streams):
        if path.is_file() and not path.is_symlink():
            sync_file(path)
    for folder in {path.parent for path in files} | {run_dir}:
        sync_folder(folder)


def preserve(run: StepRun, run_dir: Path) -> None:
    """Keep of a step's work what later steps compare with.

    Of a judging step its document, in its run's folder; of a step that plans that it is done, and
    the requirements it changes, as they are in the main specs now.
    """
    change, step = run.change, run.step
    _sync(run, run_dir)
    if judgement := step.judgement:
        if judgement.covers:
            _add_uncovered(change, judgement)
        for path in change.documents(step.writes[0]):
            write_atomic(run_dir / path.name, path.read_bytes())
    if step.plans:
        from agentd.specs import snapshot
        from agentd.specs.model import SpecError

        (run_dir / _DONE).touch(mode=0o600)
        sync_folder(run_dir)
        with contextlib.suppress(SpecError):  # validation tells what is wrong with them
            snapshot.take(change.project, change.folder)


def did_its_work(change: Change, call: CallRecord, step: str) -> bool:
    """Whether a call is one of this planning step, and left what the step owes."""
    there = (change.runs_dir / call.id / _DONE).is_file()
    return call.step == step and there
