"""What is drawn: cost over time by model, cost by step, and the share of input from caches."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal, localcontext
from operator import add, sub
from typing import Any, Literal

from agentd.dashboard.amounts import short_usd
from agentd.dashboard.ledger_sums import Cell
from agentd.metering.money import EXACT, plain_number
from agentd.periods import days_of, midnight, span

_MOST_MODELS = 7
OTHERS = "other models"
_DAY = 1440
# Up to how many minutes of calls are drawn with a point for how many minutes.
_SIZES = ((120, 1), (720, 10), (4 * _DAY, 60))
_Kind = Literal["day", "week", "month"]
_KINDS: tuple[tuple[int, _Kind], ...] = ((180 * _DAY, "day"), (1100 * _DAY, "week"))
_Per = int | _Kind
_Used = list[Any]
"""Calls, USD, and tokens: input, output, cached."""


class Charts:
    """The charts of some ledgers, with days in the zone ``here``.

    What a ledger has is added once, and taken off when it has changed: 100,000 calls take a while.
    """

    def __init__(self, here: tzinfo) -> None:
        self._here = here
        self._known: dict[str, tuple[Cell, ...]] = {}
        self._spans: dict[str, tuple[int, int]] = {}
        self._per: _Per = 1
        self._lock = threading.Lock()
        self._clear()

    def _clear(self) -> None:
        self._known = {}
        self._places: dict[int, int] = {}
        self._of_model: dict[tuple[int, str], _Used] = {}
        self._steps: dict[str, _Used] = {}
        self._untimed = 0

    def document(self, ledgers: Mapping[str, tuple[Cell, ...]]) -> dict[str, Any]:
        """The charts of these ledgers, by their keys, for JSON.

        ``times`` are the begins of the points in UTC seconds since 1970. ``per`` says how long one
        is: minutes as a number, or day, week or month.
        """
        with self._lock:
            return self._document(ledgers)

    def _document(self, ledgers: Mapping[str, tuple[Cell, ...]]) -> dict[str, Any]:
        self._spans = {
            key: found
            for key, cells in ledgers.items()
            if (found := self._spans.get(key) if self._known.get(key) is cells else _span(cells))
        }
        first = min((begin for begin, _ in self._spans.values()), default=0)
        last = max((end for _, end in self._spans.values()), default=0)
        if (per := _per(last - first)) != self._per:
            self._clear()
            self._per = per
        with localcontext(EXACT):
            for key in self._known.keys() | ledgers.keys():
                known, cells = self._known.get(key, ()), ledgers.get(key, ())
                if known is not cells:
                    self._take(known, sub)
                    self._take(cells, add)
            self._known = dict(ledgers)
            times = [*self._times(first, last)] if self._spans else []
            return self._drawn(times)

    def _take(self, cells: Sequence[Cell], how: Any) -> None:
        for minute, step, model, *used, _ in cells:
            _note(self._steps, step, used, how)
            if minute is None:
                self._untimed = how(self._untimed, used[0])
            else:
                _note(self._of_model, (self._place(minute), model), used, how)

    def _place(self, minute: int) -> int:
        """The begin of the point that a minute is in."""
        if isinstance(self._per, int):
            return minute // self._per * self._per * 60
        quarter = minute // 15  # no zone has a day that begins between two of them
        if (known := self._places.get(quarter)) is None:
            [day] = days_of([quarter * 900.0], self._here)
            known = quarter * 900 if day is None else self._begin(day, self._per)
            self._places[quarter] = known
        return known

    def _begin(self, day: date, kind: _Kind) -> int:
        return int(midnight(span(day, kind)[0], self._here))

    def _times(self, first: int, last: int) -> Iterator[int]:
        at, end = self._place(first), self._place(last)
        while at <= end:
            yield at
            if isinstance(self._per, int):
                at += self._per * 60
            else:
                day = datetime.fromtimestamp(at, self._here).date()
                at = int(midnight(span(day, self._per)[1], self._here))

    def _drawn(self, times: Sequence[int]) -> dict[str, Any]:
        models: defaultdict[str, defaultdict[int, Decimal]] = defaultdict(_by_time)
        tokens: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
        for (place, model), (_, cost_usd, tokens_in, _, cached) in self._of_model.items():
            if cost_usd or tokens_in:
                models[model][place] += cost_usd
            tokens[place][0] += tokens_in
            tokens[place][1] += cached
        return {
            "per": self._per,
            "times": times,
            "models": [
                {"name": name, "cost_usd": [plain_number(used.get(at, Decimal(0))) for at in times]}
                for name, used in _dearest(models)
            ],
            "cache_share": [_share(*tokens[at]) if at in tokens else None for at in times],
            "steps": [
                {
                    "step": step,
                    "calls": calls,
                    "cost_usd": plain_number(cost_usd),
                    "cost": short_usd(cost_usd),
                    "tokens_in": tokens_in,
                    "tokens_out": tokens_out,
                    "cache_share": _share(tokens_in, cached),
                }
                for step, (calls, cost_usd, tokens_in, tokens_out, cached) in sorted(
                    self._steps.items(), key=lambda each: (-each[1][1], each[0])
                )
                if calls or tokens_in
            ],
            "untimed": self._untimed,
        }


def _note(sums: dict[Any, _Used], key: object, used: _Used, how: Any) -> None:
    known = sums.get(key)
    sums[key] = [*map(how, known or (0, Decimal(0), 0, 0, 0), used)]


def _by_time() -> defaultdict[int, Decimal]:
    return defaultdict(Decimal)


def _dearest(
    models: Mapping[str, Mapping[int, Decimal]],
) -> list[tuple[str, Mapping[int, Decimal]]]:
    """The dearest models first, and those that are too many as one."""
    found: list[tuple[str, Mapping[int, Decimal]]] = sorted(
        models.items(), key=lambda each: (-sum(each[1].values()), each[0])
    )
    if len(found) <= _MOST_MODELS + 1:
        return found
    rest = _by_time()
    for _, used in found[_MOST_MODELS:]:
        for at, cost_usd in used.items():
            rest[at] += cost_usd
    return [*found[:_MOST_MODELS], (OTHERS, rest)]


def _share(tokens_in: int, cached: int) -> float | None:
    """0.0 to 1.0; None without input."""
    return round(cached / tokens_in, 4) if tokens_in else None


def _span(cells: Sequence[Cell]) -> tuple[int, int] | None:
    minutes = [cell.minute for cell in cells if cell.minute is not None]
    return (min(minutes), max(minutes)) if minutes else None


def _per(minutes: int) -> _Per:
    for most, size in _SIZES:
        if minutes < most:
            return size
    return next((kind for most, kind in _KINDS if minutes < most), "month")
