"""What calls are grouped by, and the name of a call in each of these dimensions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from operator import itemgetter
from typing import Literal

from agentd.ledger.rows import Row
from agentd.metering.thread_use import MAIN
from agentd.periods import name_of

UNKNOWN = "unknown"
"""The name of a group of calls whose provider, or time, the ledger doesn't have."""

STANDARD = "standard"
"""The name of the variant that multiplies no price."""

PERIODS = ("day", "week", "month")


def _of_row(name: str) -> Callable[..., Iterable[str]]:
    read = itemgetter(Row._fields.index(name))
    return lambda rows, _: map(read, rows)


def _of_period(kind: Literal["day", "week", "month"]) -> Callable[..., Iterable[str]]:
    def names(_: Sequence[Row], days: Sequence[date | None]) -> Iterable[str]:
        known = {day: name_of(day, kind) if day else UNKNOWN for day in set(days)}
        return (known[day] for day in days)

    return names


COLUMNS: Mapping[str, Callable[[Sequence[Row], Sequence[date | None]], Iterable[str]]] = {
    "step": _of_row("step"),
    "model": _of_row("model"),
    "provider": lambda rows, _: (row.provider or UNKNOWN for row in rows),
    "change": _of_row("change_id"),
    "day": _of_period("day"),
    "week": _of_period("week"),
    "month": _of_period("month"),
    "status": _of_row("status"),
    "thread": lambda rows, _: (row.threads or MAIN for row in rows),
    "variant": lambda rows, _: (row.variant or STANDARD for row in rows),
}
DIMENSIONS = tuple(COLUMNS)
