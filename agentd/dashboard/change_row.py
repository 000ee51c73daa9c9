"""A change in one line of the page."""

from __future__ import annotations

from typing import Any

from agentd.dashboard.amounts import cost_of
from agentd.dashboard.ledger_sums import LedgerSums
from agentd.metering.partial import bound
from agentd.reports.overview import Overview
from agentd.reports.partial import told_bound


def row_of(view: Overview | None, sums: LedgerSums) -> dict[str, Any]:
    """The line for JSON; without a ``view`` only what its calls add up to."""
    totals = sums.totals
    figures = {
        "cost_usd": str(totals.total_cost_usd),
        "cost": cost_of(totals),
        "bound": bound(totals.partial, totals.estimated),
        "bound_told": told_bound(totals, totals.total_cost_usd, sums.whys),
        "calls": totals.calls,
        "failed": totals.failed,
        "unpriced": totals.unpriced,
        "tokens_in": totals.tokens_in,
        "tokens_out": totals.tokens_out,
    }
    if view is None:
        return figures
    state = view.state
    return {
        "id": view.change.id,
        "archived_on": view.change.archived_on,
        "phase": view.phase_shown,
        "iteration": state and state.iteration,
        "last_action": state and state.last_action,
        "gate": view.gate,
        "waits_for": view.waits_for,
        "next": view.next,
        "tasks_done": view.tasks[0],
        "tasks": view.tasks[1],
        "updated_at": state and state.updated_at,
        "problem": view.problem,
        "cure": view.cure,
        "warnings": view.warnings,
        **figures,
    }
