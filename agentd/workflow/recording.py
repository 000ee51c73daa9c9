"""From a run to the ledger: price it, keep it, enter it; and enter what earlier runs left."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from agentd.metering.call import CallRecord
from agentd.metering.pricing import PriceBook
from agentd.metering.usage import ModelUsage, UsageMetrics, add, run_usage
from agentd.runner import recovery
from agentd.runner.providers import PROVIDERS
from agentd.runner.script import RunResult
from agentd.state.store import StateStore
from agentd.workflow.workspace import Workspace


def enter(workspace: Workspace, store: StateStore, result: RunResult) -> CallRecord:
    """Price a run and record it. Raises StateError when STATE.yaml can't take it: then it is kept.

    It is written to the run's folder first, so that it is entered later whatever happens here.
    """
    record = priced(result, workspace.prices)
    store.keep(record)
    store.append(record)
    store.mark_entered(record.id)
    return record


def priced(result: RunResult, prices: PriceBook) -> CallRecord:
    """The ledger's record of a run, each model at its price when the run began."""
    call = prices.price(
        result.usage, provider=result.provider, model=result.model, at=result.started_at
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


def settle(workspace: Workspace, change: Path, *, stop_running: bool) -> list[CallRecord]:
    """Enter what earlier commands could not: kept calls, and runs agentd did not live to finish.

    A CLI that still works without an agentd is stopped, so that it reports, when ``stop_running``;
    else it is left for a later command.
    """
    store = StateStore(change)
    entered = store.enter_kept()
    for folder in recovery.unfinished(change / "runs"):
        if not stop_running and recovery.still_running(folder):
            continue
        start = folder.info()
        provider = PROVIDERS[start.provider]
        prior = prior_usage(store.read().calls, start.provider, start.resume_session_id)
        entered.append(
            enter(workspace, store, recovery.recover(folder, provider, prior_usage=prior))
        )
    return entered


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
