"""From a run to the ledger: price it, keep it, enter it; and enter what earlier runs left."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from agentd.budget.spending import check_priced
from agentd.budget.warnings import after_call
from agentd.documents.verdict import (
    NOT_COVERED,
    Judgement,
    documents_of,
    read,
    uncovered,
    verdict_of,
)
from agentd.errors import StateError
from agentd.files import write_atomic
from agentd.ledger.store import Changes, StateStore
from agentd.metering.call import CallRecord
from agentd.metering.pricing import PriceBook
from agentd.metering.usage import ModelUsage, UsageMetrics, add, run_usage
from agentd.project.workspace import Workspace
from agentd.providers import PROVIDERS, maker_of
from agentd.runner import recovery
from agentd.runner.run import RunResult
from agentd.runner.run_folder import RunInfo
from agentd.specs import snapshot
from agentd.specs.model import SpecError
from agentd.version import __version__
from agentd.workflow.order import Order
from agentd.workflow.steps import STEPS, Step

_DONE = "done"  # in a run's folder
_FIRST = ("proposal", "implementation", "archive", "fillback")
_MENDING = ("reproposal", "resolve", "archive-fix")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A call that an earlier command could not enter; ``done``: its step's work is there too."""

    record: CallRecord
    done: bool


def enter(
    workspace: Workspace,
    store: StateStore,
    result: RunResult,
    changes: Changes,
    *,
    overridden: bool = False,
) -> CallRecord:
    """Price a run and record it together with what it changes for the change.

    ``overridden``: a person let it go beyond its budget.

    It is written to the run's folder first, so that it is entered later whatever happens here.
    Raises StateError when STATE.yaml can't take it: then it is kept.
    """
    record = priced(result, workspace.prices)
    if overridden:
        record = replace(record, budget="overridden")
    store.keep(record, changes)
    store.append(record, changes)
    store.mark_entered(record.id)
    return record


def priced(result: RunResult, prices: PriceBook) -> CallRecord:
    """The ledger's record of a run, each model at its price when the run began."""
    call = prices.price(
        result.usage, maker=maker_of(result.provider), model=result.model, at=result.started_at
    )
    return CallRecord(
        id=result.call_id,
        step=result.step,
        provider=result.provider,
        model=result.model,
        status=result.status,
        usage=result.usage,
        cost_usd=call.cost_usd,
        cost_source=call.cost_source,
        accuracy=result.accuracy,
        usage_source=result.usage_source,
        duration_ms=result.duration_ms,
        started_at=result.started_at.replace(microsecond=0),
        session_id=result.session_id,
        models=call.models if len(call.models) > 1 else (),
    )


@dataclass(slots=True, kw_only=True)
class Leftovers:
    """What earlier commands left: the calls that are ``entered`` now, and what can't be.

    ``notes``: runs that wait for an agentd that knows their provider. ``problems``: those whose
    ``run.json`` is damaged.
    """

    entered: list[Settled] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[StateError] = field(default_factory=list)


def settle_interrupted_runs(workspace: Workspace, change: Path, *, stop_running: bool) -> Leftovers:
    """Enter what earlier commands could not: kept calls, and runs agentd did not live to finish.

    A CLI that still works without an agentd is stopped, so that it reports, when ``stop_running``;
    else it is left for a later command. Raises StateError when STATE.yaml can't take them.
    """
    store = StateStore(change)
    found = Leftovers()
    for kept in store.enter_kept():
        done = kept.changes.last_action is not None
        found.entered.append(Settled(record=kept.record, done=done))
    for folder in recovery.unfinished(change / "runs"):
        try:
            info = folder.info()
        except StateError as error:
            found.problems.append(error)
            continue
        provider = PROVIDERS.get(info.provider)
        if provider is None:
            found.notes.append(
                f"{workspace.shown(folder.path)} is a run of {info.provider}, which agentd "
                f"{__version__} does not know; one that does will enter it"
            )
            continue
        if not stop_running and recovery.still_running(folder):
            continue
        state = store.read()
        prior = prior_usage(state.calls, info.provider, info.resume_session_id)
        result = recovery.recover(folder, provider, prior_usage=prior)
        step = STEPS.get(info.step)
        done = step is not None and result.status == "ok" and _work_is_there(change, step, info)
        changes = Changes()
        if step is not None and done:
            preserve(workspace, change, step, folder.path)
            small = info.prompt_name == "proposal-small"
            changes = advance(change, step, state.iteration, small=small)
        record = enter(workspace, store, result, changes)
        found.entered.append(Settled(record=record, done=done))
    return found


def advance(change: Path, step: Step, iteration: int | None, *, small: bool = False) -> Changes:
    """What STATE.yaml says once the work of ``step`` is there."""
    phase = step.phase
    if step.judgement:
        phase, _ = step.verdicts.get(verdict_of(change, step.judgement) or "", (None, None))
    counted = None
    if step.name in _FIRST:
        counted = 1
    elif step.name in _MENDING:
        counted = (iteration or 1) + 1
    return Changes(phase="challenged" if small else phase, iteration=counted, last_action=step.name)


def note_uncovered(change: Path, judgement: Judgement) -> None:
    """Add to an approving review, as issues, the scenarios that it says nothing of."""
    document = change / judgement.document
    text = read(document)
    if text is None:
        return
    missing = uncovered(change, judgement)
    if missing and NOT_COVERED not in text:
        rows = "".join(
            f"\n### Issue C{number}: {sentence}\n- Severity: High\n"
            f"- Where: {judgement.document}, Coverage\n"
            for number, sentence in enumerate(missing, 1)
        )
        write_atomic(document, f"{text.rstrip()}\n\n{NOT_COVERED}\n{rows}".encode())


def preserve(workspace: Workspace, change: Path, step: Step, run_dir: Path) -> None:
    """Keep of a step's work what later steps compare with.

    Of a judging step its document, in its run's folder; of a step that plans that it is done, and
    the requirements it changes, as they are in the main specs now.
    """
    if step.judgement:
        if step.judgement.covers:
            note_uncovered(change, step.judgement)
        for path in documents_of(change, step.writes[0]):
            shutil.copyfile(path, run_dir / path.name)
    elif "specs" in step.writes:
        (run_dir / _DONE).touch()
        with contextlib.suppress(SpecError):  # validation tells what is wrong with them
            snapshot.take(workspace.project, change)


def did_its_work(change: Path, call: CallRecord, step: str) -> bool:
    """Whether a call is one of this planning step, and left what the step owes."""
    there = (change / "runs" / call.id / _DONE).is_file()
    return call.step == step and call.status == "ok" and there


def prior_usage(
    calls: Iterable[CallRecord], provider: str, session_id: str | None
) -> UsageMetrics | None:
    """What the ledger holds of a session that is about to be resumed; None when it holds none."""
    if session_id is None:
        return None
    by_model: dict[str, list[ModelUsage]] = {}
    for call in calls:
        if (call.provider, call.session_id) == (provider, session_id):
            parts = [(part.model, part.usage) for part in call.models]
            for model, usage in parts or [(call.model, call.usage)]:
                by_model.setdefault(model, []).append(usage)
    if not by_model:
        return None
    return run_usage(
        {model: add(usages) for model, usages in by_model.items()}, session_id=session_id
    )


def _work_is_there(change: Path, step: Step, info: RunInfo) -> bool:
    """Whether the documents that a run owed are there, and one was written since it began.

    What it may not touch was not looked at: that needs the project as it was before.
    """
    owed = [documents_of(change, name) for name in step.writes]
    newest = max((path.stat().st_mtime for paths in owed for path in paths), default=0.0)
    return all(owed) and newest >= info.started_at.timestamp()


def settle_before_step(workspace: Workspace, change: Path, order: Order) -> list[Settled]:
    """Enter them, say so, and warn as after any call; a CLI that still works is stopped.

    Raises BudgetExceeded when one of them has no price and that must end the run, StateError for
    one that can't be read.
    """
    left = settle_interrupted_runs(workspace, change, stop_running=True)
    for note in left.notes:
        order.warn(note)
    for settled in left.entered:
        order.note(f"entered an earlier call: {settled.record.step}, {settled.record.status}")
        after_call(workspace, change, settled.record, order.warn)
    for settled in left.entered:
        check_priced(workspace, change, settled.record, override=order.override_budget)
    if left.problems:
        raise left.problems[0]
    return left.entered
