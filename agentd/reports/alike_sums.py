"""Sums of calls in agentd's own layout, with the lines that many share looked at once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, tzinfo
from decimal import Decimal
from typing import Any

from agentd.ledger.alike import KINDS, AlikeCalls
from agentd.ledger.rows import Row
from agentd.metering.partial import PARTIAL, is_estimate
from agentd.metering.unpriced import is_unpriced, ran_locally
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


class AlikeSums:
    """What calls of many ledgers add up to, ``by`` some dimensions, the days in ``here``."""

    def __init__(self, by: Sequence[str], here: tzinfo) -> None:
        self._by = by
        self._by_change, self._by_day = "change" in by, any(name in PERIODS for name in by)
        self._kinds = _Kinds(by)
        self._used: defaultdict[str, defaultdict[Any, _Used]] = defaultdict(
            lambda: defaultdict(_Used)
        )
        self._spent: defaultdict[date | None, Decimal] = defaultdict(Decimal)
        self._days = _Days(here)

    def take(self, calls: AlikeCalls) -> bool:
        """Add them up; False, and nothing is done, where a day of ``here`` begins amid an hour."""
        days = list(map(self._days.__getitem__, calls.hours))
        if self._days.parted and self._days.parted.intersection(calls.hours):
            return False
        costs_usd = list(map(Decimal, calls.costs_usd))
        for day, cost_usd in zip(days, costs_usd, strict=True):
            self._spent[day] += cost_usd
        kinds = map(self._kinds.__getitem__, calls.kinds)
        used_by = self._used[calls.change_id if self._by_change else ""]
        parts: defaultdict[Any, list[tuple[int, int, int, Decimal]]] = defaultdict(list)
        for key, part in zip(
            zip(kinds, days, strict=True) if self._by_day else kinds,
            zip(
                map(int, calls.tokens_in),
                map(int, calls.tokens_out),
                [0 if one is None else int(one) for one in calls.tokens_cache_read],
                costs_usd,
                strict=True,
            ),
            strict=True,
        ):
            parts[key].append(part)
        for key, of_kind in parts.items():
            used_by[key].add(*zip(*of_kind, strict=True))
        return True

    def sums(self) -> Iterator[tuple[tuple[str, ...], Sums]]:
        """The names of calls that are alike, and their sums."""
        for change_id, kind, day, used in self._each():
            row = self._kinds.rows[kind]._replace(change_id=change_id)
            names = (next(iter(COLUMNS[name]([row], [day]))) for name in self._by)
            yield tuple(names), used.sums(row)

    def spent(self) -> Iterator[tuple[date, Decimal]]:
        """What was spent on which day."""
        return ((day, cost_usd) for day, cost_usd in self._spent.items() if day)

    def whys(self) -> Counter[str]:
        """What is not known of how many partial calls."""
        whys: Counter[str] = Counter()
        for _, kind, _, used in self._each():
            row = self._kinds.rows[kind]
            if row.accuracy == PARTIAL:
                whys[row.why or ""] += used.calls
        return whys

    def _each(self) -> Iterator[tuple[str, int, date | None, _Used]]:
        for change_id, used_by in self._used.items():
            for key, used in used_by.items():
                kind, day = key if self._by_day else (key, None)
                yield change_id, kind, day, used


class _Used:
    """What calls of one kind add up to."""

    __slots__ = (
        *("calls", "cost_usd", "tokens_cache_read", "tokens_in", "tokens_out", "without_tokens"),
    )

    def __init__(self) -> None:
        self.calls = self.without_tokens = 0
        self.tokens_in = self.tokens_out = self.tokens_cache_read = 0
        self.cost_usd = Decimal(0)

    def add(
        self,
        given: Sequence[int],
        answered: Sequence[int],
        from_cache: Sequence[int],
        costs_usd: Sequence[Decimal],
    ) -> None:
        """Some calls, at least one; what each has had at its place in every sequence."""
        self.calls += len(given)
        self.tokens_in += sum(given)
        self.tokens_out += sum(answered)
        self.tokens_cache_read += sum(from_cache)
        self.cost_usd += sum(costs_usd)
        if 0 in given and 0 in answered:
            self.without_tokens += list(zip(given, answered, strict=True)).count((0, 0))

    def sums(self, row: Row) -> Sums:
        """The same as sums of a report; ``row`` is a call of this kind."""
        calls, is_free = self.calls, ran_locally(row.model, row.cost_source)
        with_tokens = calls - self.without_tokens
        return Sums(
            calls=calls,
            failed=calls * (row.status != "ok"),
            local=calls * is_free,
            unpriced=with_tokens * is_unpriced(row.model, row.cost_source, with_tokens),
            tokens_in=self.tokens_in,
            tokens_out=self.tokens_out,
            tokens_cache_read=self.tokens_cache_read,
            cost_usd=self.cost_usd,
            partial=calls * (row.accuracy == PARTIAL),
            web_searches=calls * row.web_searches,
            estimated=with_tokens * is_estimate(row.accuracy, row.why, with_tokens),
        )


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


class _Kinds(dict[int, int]):
    """Which of its ``rows`` a kind of call is: the same of all that differ in what is not asked."""

    def __init__(self, by: Sequence[str]) -> None:
        self.rows: list[Row] = []
        self._numbers: dict[Row, int] = {}
        asked = {"step" if name == "source" else name for name in by}
        self._not_asked = {name: value for name, value in _NOTHING.items() if name not in asked}

    def __missing__(self, kind: int) -> int:
        row = KINDS[kind]
        model = {"model": row.model} if row.cost_source == "none" else {}  # it may be local
        asked = row._replace(**{**self._not_asked, **model})
        number = self[kind] = self._numbers.setdefault(asked, len(self.rows))
        if number == len(self.rows):
            self.rows.append(asked)
        return number
