"""Where the change that is worked on stands, in one line."""

from __future__ import annotations

from pathlib import Path

from agentd.errors import AgentdError, InputError
from agentd.metering.money import usd
from agentd.metering.partial import bound
from agentd.metering.totals import Totals, summarise
from agentd.metering.unpriced import UNPRICED
from agentd.project.changes import latest_change
from agentd.project.copies import copies_of
from agentd.project.layout import find_project
from agentd.reports.overview import Limits


def status_line(start: Path) -> str:
    """``add-oauth: challenged, $0.46 of $0.50 (92 %, $0.04 left)``; "" outside of a project.

    Writes nothing, and enters no run. Without an open change "" too; a ledger or a config that
    can't be read is told in a few words.
    """
    try:
        change = latest_change(find_project(start))
    except InputError:
        return ""
    if change is None or change.archived_on:
        return ""
    try:
        state = change.state
        totals = summarise(state.rows)
        limits = Limits.of(change.project)
        account = None if copies_of(change) else limits.account(change, state)
    except AgentdError:
        return f"{change.id}: see agentd status"
    spent = account.told() if account else _spent(totals)
    word = bound(totals.partial, totals.estimated)
    told = f"{word} {spent}".lstrip() if totals.total_cost_usd else spent
    missing = " +unpriced" if totals.unpriced and totals.cost_shown != UNPRICED else ""
    hint = "; config: see agentd status" if limits.warnings and not account else ""
    return f"{change.id}: {state.phase or 'not started'}, {told}{missing}{hint}"


def _spent(totals: Totals) -> str:
    cost = totals.cost_shown
    return usd(totals.total_cost_usd, 2) if cost.startswith("$") else cost
