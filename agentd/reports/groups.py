"""Calls summed in groups: by model, by step, by day …, exactly."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal, localcontext
from operator import itemgetter
from typing import Any, NamedTuple

from agentd.ledger.alike import AlikeCalls
from agentd.ledger.rows import Part, Row
from agentd.metering.money import EXACT
from agentd.metering.partial import PARTIAL, is_estimate
from agentd.metering.thread_use import MAIN, from_text
from agentd.metering.unpriced import is_unpriced, ran_locally
from agentd.periods import days_of, through, zone
from agentd.reports.alike_sums import AlikeSums
from agentd.reports.dimensions import BY_CALL, COLUMNS, NOWHERE, PERIODS, Origins
from agentd.reports.model import Group, Report, Spent, Sums

_OF_SHARES = frozenset({"model", "variant", "thread"})
_GAPLESS_DAYS = 3660


class Query(NamedTuple):
    """How to group: ``by`` some of DIMENSIONS, the days in ``timezone``."""

    by: tuple[str, ...] = ()
    timezone: str = "UTC"


class Tally(NamedTuple):
    """What some calls add up to: each group by its names, all of them once, and by day.

    ``whys``: how many of them are partial for what reason.
    """

    groups: Mapping[tuple[str, ...], Sums]
    total: Sums
    days: Mapping[date, Decimal]
    whys: Mapping[str, int]


def build(rows: Sequence[Row], query: Query, scope: str, origins: Origins = NOWHERE) -> Report:
    """The report on ``rows``."""
    return report_on(tally([rows], query, origins), query, scope)


def tally(
    ledgers: Iterable[Sequence[Row] | AlikeCalls], query: Query, origins: Origins = NOWHERE
) -> Tally:
    """The sums of the calls of all ledgers; ``origins`` tell what is BY_CALL.

    Where they are by model, variant or thread, a call that has several is in the group of each.
    """
    whole, spread, several = _Cells(origins), _Cells(origins), _Cells(origins)
    spent: defaultdict[date, Decimal] = defaultdict(Decimal)
    whys: Counter[str] = Counter()
    here = zone(query.timezone)
    alike = AlikeSums(query.by, here)
    spreads = _OF_SHARES.intersection(query.by)
    by_call = not set(BY_CALL).isdisjoint(query.by)
    with localcontext(EXACT):
        for calls in ledgers:
            if isinstance(calls, AlikeCalls) and not by_call and alike.take(calls):
                continue
            rows = calls.rows() if isinstance(calls, AlikeCalls) else calls
            days = days_of([row.started_at for row in rows], here)
            for day, row in zip(days, rows, strict=True):
                if day is not None:
                    spent[day] += row.cost_usd
                if row.accuracy == PARTIAL:
                    whys[row.why or ""] += 1
            if spreads and any(row.parts or row.threads for row in rows):
                shares = [
                    (share, day)
                    for row, day in zip(rows, days, strict=True)
                    for share in _spread(row, spreads)
                ]
                spread.add([one for one, _ in shares], [day for _, day in shares], query.by)
                several.add(rows, days, ())
            else:
                whole.add(rows, days, query.by)
        for day, cost_usd in alike.spent():
            spent[day] += cost_usd
        whys.update(alike.whys())
        cells = [*whole.sums(), *alike.sums()]
        total = _sum(sums for _, sums in [*cells, *several.sums()])
        groups = _groups([*cells, *spread.sums()]) if query.by else {}
        return Tally(groups, total, spent, whys)


def join(tallies: Sequence[Tally]) -> Tally:
    """What tallies of one query, but of different calls, add up to."""
    days: defaultdict[date, Decimal] = defaultdict(Decimal)
    whys: Counter[str] = Counter()
    for one in tallies:
        whys.update(one.whys)
    with localcontext(EXACT):
        for day, cost_usd in (pair for one in tallies for pair in one.days.items()):
            days[day] += cost_usd
        groups = _groups(pair for one in tallies for pair in one.groups.items())
        return Tally(groups, _sum(one.total for one in tallies), days, whys)


def report_on(found: Tally, query: Query, scope: str) -> Report:
    """The report; periods come first and in order, the rest by cost, descending."""
    spent = found.days
    return Report(
        scope=scope,
        by=query.by,
        groups=tuple(sorted(itertools.starmap(Group, found.groups.items()), key=_order(query.by))),
        total=found.total,
        days=tuple(Spent(day.isoformat(), spent.get(day, Decimal(0))) for day in _shown(spent)),
        whys=found.whys,
    )


_USED = slice(Row._fields.index("tokens_in"), Row._fields.index("cost_usd") + 1)


class _Cells:
    """Calls that are alike in all but numbers: what they used.

    A group is a few cells; with what is the same for all of a cell asked once, 100,000 calls take
    a third of the time.
    """

    def __init__(self, origins: Origins) -> None:
        self._used: defaultdict[tuple[Any, ...], list[Any]] = defaultdict(list)
        self._origins = origins

    def add(self, rows: Sequence[Row], days: Sequence[date | None], by: Sequence[str]) -> None:
        names = [
            self._origins.names(name, rows) if name in BY_CALL else COLUMNS[name](rows, days)
            for name in by
        ]
        keys = zip(*names, map(_marks, rows), strict=True)
        for key, used in zip(keys, map(itemgetter(_USED), rows), strict=True):
            self._used[key].append(used)

    def sums(self) -> list[tuple[tuple[str, ...], Sums]]:
        """The names of each cell, and its sums."""
        return [
            (tuple(names), _cell(marks, every)) for (*names, marks), every in self._used.items()
        ]


def _cell(marks: Sequence[bool], every: Sequence[Any]) -> Sums:
    *others, partial, estimated = (len(every) * mark for mark in marks)
    *tokens, web_searches, cost_usd = map(sum, zip(*every, strict=True))
    return Sums._make((len(every), *others, *tokens, cost_usd, partial, web_searches, estimated))


def _marks(row: Row) -> tuple[bool, bool, bool, bool, bool]:
    """Whether the call failed, has a local model, lacks a price, is partial, is an estimate."""
    local = unpriced = False
    if row.cost_source in ("none", "local") or row.parts:
        for part in row.shares():
            tokens = part.tokens_in + part.tokens_out
            local |= ran_locally(part.model, part.cost_source)
            unpriced |= is_unpriced(part.model, part.cost_source, tokens)
    partial = row.accuracy == PARTIAL
    estimated = is_estimate(row.accuracy, row.why, row.tokens_in + row.tokens_out)
    return row.status != "ok", local, unpriced, partial, estimated


def _spread(row: Row, by: Collection[str]) -> Iterator[Row]:
    """The call as one for each of its shares that differ in what it is grouped ``by``.

    A share has the name of its thread for ``threads``. The call is whole where its parts don't add
    up to it.
    """
    parts = row.parts
    if not parts:
        parts = (Part(row.model, *row[6:11], row.cost_source, row.variant, row.threads),)
    elif _added(parts) != row[_USED]:
        yield row._replace(threads=None, parts=() if "model" in by else parts)
        return
    shares: dict[tuple[str | None, ...], list[Part]] = {}
    for part in parts:
        for share in _threads(part) if "thread" in by else (part,):
            named = (
                share.model if "model" in by else row.model,
                share.variant if "variant" in by else row.variant,
                share.threads if "thread" in by else row.threads,
            )
            shares.setdefault(named, []).append(share)
    for (model, variant, thread), of in shares.items():
        source = of[0].cost_source
        rest = (*row[12:15], tuple(of) if len(of) > 1 else (), row.why, variant, thread, None)
        # _replace would take three times as long
        yield Row._make((*row[:4], model, row.status, *_added(of), source, *rest))


def _added(parts: Iterable[Part]) -> tuple[Any, ...]:
    """What they used, as the row of their call has it."""
    return tuple(map(sum, zip(*(part[1:6] for part in parts), strict=True)))


def _threads(part: Part) -> Iterator[Part]:
    """The share of each thread; what no other has is the main one's."""
    others = from_text(part.threads)
    used: list[Any] = [sum(column) for column in zip(*(use[1:] for use in others), strict=True)]
    whole: tuple[Any, ...] = part[1:6]
    if any(more > most for more, most in zip(used, whole, strict=False)):
        others, used = [], []  # an entry that somebody changed
    own = [most - more for most, more in zip(whole, used or [0] * len(whole), strict=True)]
    ends = (part.cost_source, part.variant)
    if any(own) or not others:
        yield Part._make((part.model, *own, *ends, MAIN))
    for thread, *figures in others:
        yield Part._make((part.model, *figures, *ends, thread))


def _groups(cells: Iterable[tuple[tuple[str, ...], Sums]]) -> dict[tuple[str, ...], Sums]:
    groups: defaultdict[tuple[str, ...], list[Sums]] = defaultdict(list)
    for names, sums in cells:
        groups[names].append(sums)
    return {names: _sum(of) for names, of in groups.items()}


def _sum(every: Iterable[Sums]) -> Sums:
    return Sums._make(map(sum, zip(*every, Sums(), strict=True)))


def _shown(spent: Collection[date]) -> Iterable[date]:
    """The days with calls, and those between them if that is not too many."""
    if not spent:
        return ()
    first, last = min(spent), max(spent)
    return through(first, last) if (last - first).days < _GAPLESS_DAYS else sorted(spent)


def _order(by: Sequence[str]) -> Callable[[Group], tuple[object, ...]]:
    times = [place for place, name in enumerate(by) if name in PERIODS]

    def key(group: Group) -> tuple[object, ...]:
        return [group.names[place] for place in times], -group.sums.cost_usd, group.names

    return key
