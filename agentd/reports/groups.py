"""Calls summed in groups: by model, by step, by day …, exactly."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, localcontext
from typing import Literal, NamedTuple, TypeAlias

from agentd.ledger.rows import Row
from agentd.metering.local import is_local
from agentd.metering.money import EXACT
from agentd.metering.unpriced import is_unpriced
from agentd.periods import name_of, zone
from agentd.reports.days import days_of, through
from agentd.reports.model import Group, Report, Spent, Sums

UNKNOWN = "unknown"
"""The name of a group of calls whose provider, or time, the ledger doesn't have."""

_PERIODS = ("day", "week", "month")
_GAPLESS_DAYS = 3660

_Item: TypeAlias = "tuple[int, bool, bool, bool, int, int, int, Decimal]"
"""What one call adds to Sums, in their order."""


class Query(NamedTuple):
    """How to group: ``by`` some of DIMENSIONS, the days in ``timezone``."""

    by: tuple[str, ...] = ()
    timezone: str = "UTC"


def build(rows: Sequence[Row], query: Query, scope: str) -> Report:
    """The report on ``rows``; periods come first and in order, the rest by cost, descending.

    Where sums are by model, a call that several models answered is in the group of each.
    """
    with localcontext(EXACT):
        items = _items(rows)
        days = days_of([row.started_at for row in rows], zone(query.timezone))
        spent = _spent_by_day(days, items)
        total = _sum(items)
        if "model" in query.by and any(row.parts for row in rows):
            spread = [
                (share, day) for row, day in zip(rows, days, strict=True) for share in _shares(row)
            ]
            rows, days = [share for share, _ in spread], [day for _, day in spread]
            items = _items(rows)
        columns = [_COLUMNS[name](rows, days) for name in query.by]
        groups = [Group(names, _sum(of)) for names, of in _grouped(columns, items).items()]
    return Report(
        scope=scope,
        by=query.by,
        groups=tuple(sorted(groups, key=_order(query.by))),
        total=total,
        days=spent,
    )


def _items(rows: Sequence[Row]) -> list[_Item]:
    return [
        (1, row.status != "ok", *_marks(row), *row[6:10])  # from tokens_in to cost_usd
        for row in rows
    ]


def _marks(row: Row) -> tuple[bool, bool]:
    """Whether a model of the call is local, and whether one lacks a price."""
    if row.cost_source != "none" and not row.parts:
        return False, False
    local = unpriced = False
    for part in row.shares():
        if part.cost_source == "none":
            local |= is_local(part.model)
            tokens = part.tokens_in + part.tokens_out
            unpriced |= is_unpriced(part.model, part.cost_source, tokens)
    return local, unpriced


def _shares(row: Row) -> Iterator[Row]:
    """The call as one for each of its models; whole where the parts do not add up to it."""
    sums: tuple[object, ...] = tuple(map(sum, zip(*(part[1:5] for part in row.parts), strict=True)))
    if sums != row[6:10]:
        yield row._replace(parts=())
        return
    for model, *used, source in row.parts:  # _replace would take three times as long
        yield Row._make((*row[:4], model, row.status, *used, source, *row[11:14], ()))


def _grouped(
    columns: Sequence[Iterable[str]], items: Sequence[_Item]
) -> Mapping[tuple[str, ...], list[_Item]]:
    groups: defaultdict[tuple[str, ...], list[_Item]] = defaultdict(list)
    if columns:
        for names, item in zip(zip(*columns, strict=True), items, strict=True):
            groups[names].append(item)
    return groups


def _sum(items: Sequence[_Item]) -> Sums:
    return Sums._make(map(sum, zip(*items, strict=True))) if items else Sums()


def _spent_by_day(days: Sequence[date | None], items: Sequence[_Item]) -> tuple[Spent, ...]:
    costs: defaultdict[date, list[Decimal]] = defaultdict(list)
    for day, item in zip(days, items, strict=True):
        if day is not None:
            costs[day].append(item[-1])
    if not costs:
        return ()
    first, last = min(costs), max(costs)
    shown = through(first, last) if (last - first).days < _GAPLESS_DAYS else sorted(costs)
    return tuple(Spent(day.isoformat(), sum(costs.get(day, ()), Decimal(0))) for day in shown)


def _of_row(read: Callable[[Row], str]) -> Callable[..., Iterable[str]]:
    return lambda rows, _: map(read, rows)


def _of_period(kind: Literal["day", "week", "month"]) -> Callable[..., Iterable[str]]:
    def names(_: Sequence[Row], days: Sequence[date | None]) -> Iterable[str]:
        known = {day: name_of(day, kind) if day else UNKNOWN for day in set(days)}
        return (known[day] for day in days)

    return names


_COLUMNS: Mapping[str, Callable[[Sequence[Row], Sequence[date | None]], Iterable[str]]] = {
    "step": _of_row(lambda row: row.step),
    "model": _of_row(lambda row: row.model),
    "provider": _of_row(lambda row: row.provider or UNKNOWN),
    "change": _of_row(lambda row: row.change_id),
    "day": _of_period("day"),
    "week": _of_period("week"),
    "month": _of_period("month"),
    "status": _of_row(lambda row: row.status),
}
DIMENSIONS = tuple(_COLUMNS)


def _order(by: Sequence[str]) -> Callable[[Group], tuple[object, ...]]:
    times = [place for place, name in enumerate(by) if name in _PERIODS]

    def key(group: Group) -> tuple[object, ...]:
        return [group.names[place] for place in times], -group.sums.cost_usd, group.names

    return key
