"""The CLI's session that a step goes on with, and what the ledger knows of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from agentd.metering.call import CallRecord

if TYPE_CHECKING:
    from agentd.metering.usage import ModelUsage, UsageMetrics
    from agentd.workflow.step_run import StepRun


def session_to_continue(run: StepRun, provider: str) -> str | None:
    """The session of the step that this one goes on from, if this provider ran it; never "last"."""
    if not run.step.continues:
        return None
    for call in reversed(run.change.state.calls):
        if call.step in run.step.continues and call.status == "ok":
            return call.session_id if call.provider == provider else None
    return None


def prior_usage(
    calls: Iterable[CallRecord], provider: str, session_id: str | None
) -> UsageMetrics | None:
    """What the ledger holds of a session that is about to be resumed; None when it holds none."""
    if session_id is None:
        return None
    from agentd.metering.usage import add, run_usage

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
