"""From a run to the ledger: price it, keep it, enter it, with what it changes for the change."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from agentd.documents.verdict import (
    FAILED_CHECKS,
    NOT_COVERED,
    Judgement,
    uncovered,
    verdict_of,
)
from agentd.files import read_json, sync_file, sync_folder, write_atomic, write_private
from agentd.ledger import plain_files
from agentd.ledger.changes import Changes
from agentd.ledger.run_folders import run_dirs
from agentd.metering.call import CallRecord
from agentd.metering.pricing import PriceBook
from agentd.project.change import Change
from agentd.runner.result import RunResult
from agentd.runner.told_by_cli import Outcome
from agentd.workflow.priced_call import new_call, priced_call
from agentd.workflow.step_run import StepRun

# In a run's folder.
_DONE = "done"
_FAILED_CHECKS = "failed-checks.json"
_DESCRIPTION = "description"
_LETTERS = {NOT_COVERED: "C", FAILED_CHECKS: "T"}


def keep(change: Change, result: RunResult, *, overridden: bool = False) -> CallRecord:
    """Price a run and write its call into its folder, to be entered whatever happens next.

    ``overridden``: a person let it go beyond its budget. Raises StateError.
    """
    record = priced(result, change.workspace.prices)
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


def changes_after(run: StepRun) -> Changes:
    """What STATE.yaml says once the work of a step is there."""
    step = run.step
    phase = step.small_phase if run.small else step.phase
    if step.judgement:
        verdict = verdict_of(run.change, step.judgement)
        phase, _ = step.verdicts.get(verdict or "", (None, None))
    iteration = None
    if step.starts_rounds:
        iteration = 1
    elif step.mends:
        iteration = (run.change.state.iteration or 1) + 1
    return Changes(phase=phase, iteration=iteration, last_action=step.name)


def keep_failed_checks(run: StepRun, run_dir: Path) -> None:
    """Note before a run which checks forbid to approve, for whoever looks at what it did."""
    if run.failed_checks:
        write_atomic(run_dir / _FAILED_CHECKS, json.dumps(run.failed_checks).encode())


def keep_description(run: StepRun, run_dir: Path) -> None:
    """Note before a run what the change is to do, for the run after one that came to nothing."""
    if run.step.takes_description and "description" in run.values:
        write_private(run_dir / _DESCRIPTION, run.values["description"].encode(errors="replace"))


def earlier_description(change: Change) -> str | None:
    """What the latest run that was told it had to do, as its prompt had it; None without one."""
    for run_dir in reversed(run_dirs(change.runs_dir)):
        if data := plain_files.read_file(run_dir / _DESCRIPTION):
            return data.decode(errors="replace")
    return None


def _read_failed_checks(run_dir: Path) -> list[str]:
    path = run_dir / _FAILED_CHECKS
    return list(read_json(path)) if path.exists() else []


def _add_issues(
    change: Change, judgement: Judgement, heading: str, sentences: Sequence[str], where: str
) -> None:
    """Add a section of issues to what a judge wrote, unless it is there."""
    text = change.text(judgement.document)
    if text is None or not sentences or heading in text:
        return
    issues = "".join(
        f"\n### Issue {_LETTERS[heading]}{number}: {sentence}\n- Severity: High\n- Where: {where}\n"
        for number, sentence in enumerate(sentences, 1)
    )
    text = f"{text.rstrip()}\n\n{heading}\n{issues}"
    write_atomic(change.folder / judgement.document, text.encode())


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
            missing = uncovered(change, judgement)
            where = f"{judgement.document}, Coverage"
            _add_issues(change, judgement, NOT_COVERED, missing, where)
        failed = _read_failed_checks(run_dir)
        _add_issues(change, judgement, FAILED_CHECKS, failed, "the project's own checks")
        for path in change.documents(step.writes[0]):
            write_atomic(run_dir / path.name, path.read_bytes(), durable=False)
    if step.plans:
        from agentd.specs import snapshot
        from agentd.specs.model import SpecError

        (run_dir / _DONE).touch(mode=0o600)
        with contextlib.suppress(SpecError):  # validation tells what is wrong with them
            snapshot.take(change.project, change.folder)


def did_its_work(change: Change, call: CallRecord, step: str) -> bool:
    """Whether a call is one of this planning step, and left what the step owes."""
    there = (change.runs_dir / call.id / _DONE).is_file()
    return call.step == step and there
