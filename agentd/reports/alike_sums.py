"""Sums of calls in agentd's own layout, with the lines that many share looked at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, tzinfo
from decimal import Decimal
from itertools import repeat
from typing import Any

from agentd.ledger.alike import AlikeCalls, words
from agentd.ledger.rows import Row
from agentd.metering.partial import PARTIAL, is_estimate
from agentd.metering.unpriced import is_local, is_unpriced
from agentd.periods import day_of_hour
from agentd.reports.dimensions import COLUMNS, PERIODS
from agentd.reports.model import Sums

_NOTHING: Mapping[str, Any] = {
    "step": "",
    "provider": None,
    "model": "",
    "variant": None,
    "requests": None,
}


_WIDTH = 4
"""Tokens in, out and from a cache, as text, and the cost: what is kept of a call."""


class AlikeSums:
    """What calls of many ledgers add up to, ``by`` some dimensions, the days in ``here``."""

    def __init__(self, by: Sequence[str], here: tzinfo) -> None:
        self._by = by
        self._by_change, self._by_day = "change" in by, any(name in PERIODS for name in by)
        self._kinds = _Kinds(by)
        self._used: defaultdict[Any, list[Any]] = defaultdict(list)
        self._spent: defaultdict[date | None, Decimal] = defaultdict(Decimal)
        self._days = _Days(here)

    def take(self, calls: AlikeCalls) -> bool:
        """Add them up; False, and nothing is done, where a day of ``here`` begins amid an hour."""
        days = list(map(self._days.__getitem__, calls.hours))
        if self._days.parted.intersection(calls.hours):
            return False
        costs_usd = list(map(Decimal, calls.costs_usd))
        for day, cost_usd in zip(days, costs_usd, strict=True):
            self._spent[day] += cost_usd
        keys = zip(
            map(self._kinds.__getitem__, zip(calls.heads, calls.tails, strict=True)),
            repeat(calls.change_id if self._by_change else ""),
            days if self._by_day else repeat(None),
            strict=False,
        )
        numbers = (calls.tokens_in, calls.tokens_out, calls.tokens_cache_read, costs_usd)
        for key, given, answered, cached, cost_usd in zip(keys, *numbers, strict=False):
            # Flat: to sum up a tuple of each call takes twice as long.
            self._used[key] += given, answered, cached, cost_usd
        return True

    def sums(self) -> Iterator[tuple[tuple[str, ...], Sums]]:
        """The names of calls that are alike, and their sums."""
        for (kind, change_id, day), every in self._used.items():
            row = self._kinds.rows[kind]._replace(change_id=change_id)
            names = (next(iter(COLUMNS[name]([row], [day]))) for name in self._by)
            yield tuple(names), _sums(row, every)

    def spent(self) -> Iterator[tuple[date, Decimal]]:
        """What was spent on which day."""
        return ((day, cost_usd) for day, cost_usd in self._spent.items() if day)

    def whys(self) -> Counter[str]:
        """What is not known of how many partial calls."""
        whys: Counter[str] = Counter()
        for (kind, _, _), every in self._used.items():
            row = self._kinds.rows[kind]
            if row.accuracy == PARTIAL:
                whys[row.why or ""] += len(every) // _WIDTH
        return whys


class _Days(dict[str | None, date | None]):
    """The day of an hour; None for no hour, and for those that are ``parted``: two days have it."""

    def __init__(self, here: tzinfo) -> None:
        super().__init__({None: None})
        self._here = here
        self.parted: set[str | None] = set()

    def __missing__(self, hour: str) -> date | None:
        day = self[hour] = day_of_hour(hour, self._here)
        if day is None:
            self.parted.add(hour)
        return day


class _Kinds(dict[tuple[str, str], int]):
    """The kind of a call by its lines; calls of one kind are the same but for their numbers."""

    def __init__(self, by: Sequence[str]) -> None:
        self.rows: list[Row] = []
        self._numbers: dict[Row, int] = {}
        asked = {"step" if name == "source" else name for name in by}
        self._not_asked = {name: value for name, value in _NOTHING.items() if name not in asked}

    def __missing__(self, lines: tuple[str, str]) -> int:
        row = words(*lines)
        if row is None:
            raise ValueError(f"lines that AlikeCalls must not have: {lines}")
        model = {"model": row.model} if row.cost_source == "none" else {}  # it may be local
        kind = row._replace(**{**self._not_asked, **model})
        number = self[lines] = self._numbers.setdefault(kind, len(self.rows))
        if number == len(self.rows):
            self.rows.append(kind)
        return number


def _sums(row: Row, every: Sequence[Any]) -> Sums:
    tokens_in, tokens_out, cached, costs_usd = (every[at::_WIDTH] for at in range(_WIDTH))
    tokens = (list(map(int, tokens_in)), list(map(int, tokens_out)))
    calls, local, unpriced = len(costs_usd), 0, 0
    if row.cost_source == "none":
        local = calls * is_local(row.model)
        unpriced = sum(
            is_unpriced(row.model, "none", sum(both)) for both in zip(*tokens, strict=True)
        )
    return Sums(
        calls=calls,
        failed=calls * (row.status != "ok"),
        local=local,
        unpriced=unpriced,
        tokens_in=sum(tokens[0]),
        tokens_out=sum(tokens[1]),
        tokens_cache_read=sum(map(int, filter(None, cached))),
        cost_usd=sum(costs_usd, Decimal(0)),
        partial=calls * (row.accuracy == PARTIAL),
        web_searches=calls * row.web_searches,
        estimated=calls * is_estimate(row.accuracy, row.why),
    )
