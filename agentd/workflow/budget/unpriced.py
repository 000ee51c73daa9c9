"""Calls without a price, where dollars are limited."""

from __future__ import annotations

from pathlib import Path

from agentd.config.model import BudgetConfig
from agentd.errors import BudgetExceeded
from agentd.metering.call import CallRecord
from agentd.metering.totals import summarise
from agentd.workflow.workspace import Workspace


def limits_dollars(budget: BudgetConfig) -> bool:
    """Whether any limit is in dollars."""
    parts = [limit.limit_usd for limit in (*budget.steps.values(), *budget.providers.values())]
    return any(usd is not None for usd in (budget.limit_usd, budget.project.limit_usd, *parts))


def stops_unpriced(budget: BudgetConfig) -> bool:
    """Whether a call without a price must end the run."""
    return budget.on_unpriced == "stop" and limits_dollars(budget)


def check_priced(workspace: Workspace, change: Path, call: CallRecord, *, override: bool) -> None:
    """Raise BudgetExceeded when a recorded call has no price and that must end the run."""
    stops = stops_unpriced(workspace.config.budget) and not override
    if stops and summarise([call]).unpriced:
        raise BudgetExceeded(
            f"step {call.step} of change {change.name} was answered by {call.model}, for which no "
            'price is known (budget.on_unpriced = "stop"); the call is recorded',
            fix=f'Give it a price in agentd/config.toml ([pricing.models."{call.model}"]), or go '
            "on all the same: --budget-override.",
        )
