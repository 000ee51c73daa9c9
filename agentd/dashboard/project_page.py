"""What the page shows of the whole project, as one document for JSON."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal, localcontext
from itertools import chain
from typing import Any

from agentd.budget.account import Amount
from agentd.clock import iso
from agentd.dashboard.accounts import Budget, alerts_of, as_json, burn_json, project_budget
from agentd.dashboard.amounts import short_usd
from agentd.dashboard.burn import LONGEST_S, burn_rate
from agentd.dashboard.entry import Entry
from agentd.dashboard.index import Index, newest
from agentd.dashboard.ledger_sums import Cell, bound_of
from agentd.metering.money import EXACT
from agentd.metering.partial import bound
from agentd.periods import Period, current_period

_MOST_BUDGETS = 8


def project_document(
    index: Index, running: Collection[Mapping[str, Any]], now: datetime
) -> dict[str, Any]:
    """All but the changes: totals, budgets and what they warn of, runs under way, problems."""
    entries = index.entries
    budgets = _budgets(index, now)
    return {
        "name": index.project.root.name,
        "now": iso(now),
        "totals": _totals(entries.values()),
        "budgets": [
            as_json(one, _cells_of(one, entries, now), now) for one in budgets[:_MOST_BUDGETS]
        ],
        "alerts": alerts_of(budgets),
        "running": running,
        "latest": latest.key if (latest := newest(entries)) else None,
        "problems": [*index.warnings],
        **({} if budgets else {"spending": _spending(entries, now)}),
    }


def _budgets(index: Index, now: datetime) -> list[Budget]:
    """The project's budget first, else that of the change at work; then those most used up."""
    config, entries = index.budget, index.entries
    own = None
    if config is not None:
        period = current_period(now, config.project.period, config.project.timezone)
        cells = _cells_in(period, entries.values())
        if own := project_budget(config, period, _spent(cells)):
            own = own._replace(bound=bound_of(cells))
    every = [one for entry in entries.values() for one in entry.budgets if one.account.is_set]
    latest = newest(entries)
    key = latest.key if latest else None
    every.sort(key=lambda one: (one.change_key != key, one.account.key != "budget", -one.share))
    first = [own] if own else every[:1]
    rest = every if own else every[1:]
    return [*first, *sorted(rest, key=lambda one: (one.change_key != key, -one.share))]


def _cells_in(period: Period, entries: Iterable[Entry]) -> list[Cell]:
    """Those of the calls of a period; periods begin and end with a minute."""
    since = (period.begin or 0) / 60
    lately = (one for one in entries if (one.sums.last_minute or 0) >= since or not since)
    return [
        cell
        for cell in chain.from_iterable(one.sums.cells for one in lately)
        if period.holds(None if cell.minute is None else cell.minute * 60)
    ]


def _spent(cells: Collection[Cell]) -> Amount:
    tokens = sum(cell.tokens_in + cell.tokens_out for cell in cells)
    with localcontext(EXACT):
        return Amount(sum((cell.cost_usd for cell in cells), Decimal(0)), tokens)


def _cells_of(budget: Budget, entries: Mapping[str, Entry], now: datetime) -> Iterable[Cell]:
    if budget.change_key is None:
        return _recent(entries.values(), now)
    return budget.cells_of(entries[budget.change_key].sums) if budget.change_key in entries else ()


def _recent(entries: Iterable[Entry], now: datetime) -> Iterable[Cell]:
    since = (now.timestamp() - LONGEST_S) / 60
    every = chain.from_iterable(
        one.sums.cells for one in entries if (one.sums.last_minute or 0) >= since
    )
    return [cell for cell in every if cell.minute is not None and cell.minute >= since]


def _spending(entries: Mapping[str, Entry], now: datetime) -> dict[str, Any]:
    """How fast money goes where there is no budget."""
    return burn_json(burn_rate(_recent(entries.values(), now), now), None, now)


def _totals(entries: Iterable[Entry]) -> dict[str, Any]:
    every = [one.sums.totals for one in entries]
    with localcontext(EXACT):
        cost_usd = sum((one.total_cost_usd for one in every), Decimal(0))
    partial = sum(one.partial for one in every)
    estimated = sum(one.estimated for one in every)
    return {
        "changes": len(every),
        "cost_usd": str(cost_usd),
        "cost": short_usd(cost_usd),
        "bound": bound(partial, estimated),
        "partial": partial,
        "calls": sum(one.calls for one in every),
        "failed": sum(one.failed for one in every),
        "unpriced": sum(one.unpriced for one in every),
        "tokens_in": sum(one.tokens_in for one in every),
        "tokens_out": sum(one.tokens_out for one in every),
    }
