"""Days, weeks and months in some time zone: their names, and when they begin and end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal


@dataclass(frozen=True, slots=True)
class Period:
    """From ``begin`` up to, but without, ``end``; both are UTC seconds since 1970, None: open.

    ``name`` is ``2026-11-24``, ``2026-W48``, ``2026-11``, or "" for all time.
    """

    name: str
    begin: float | None = None
    end: float | None = None

    def holds(self, at: float | None) -> bool:
        """Whether a time is in it; a call without a time is in all time only."""
        if self.begin is None or self.end is None:
            return True
        return at is not None and self.begin <= at < self.end


def current_period(
    now: datetime, kind: Literal["day", "week", "month", "total"], timezone: str
) -> Period:
    """The period that ``now`` is in; it begins at midnight in ``timezone``, weeks on Monday."""
    if kind == "total":
        return Period("")
    here = zone(timezone)
    today = now.astimezone(here).date()
    first, following = span(today, kind)
    return Period(name_of(today, kind), midnight(first, here), midnight(following, here))


def name_of(day: date, kind: Literal["day", "week", "month"]) -> str:
    """The name of the period that a day is in; weeks, and their years, are those of ISO 8601."""
    if kind == "week":
        year, week, _ = day.isocalendar()
        return f"{year:04}-W{week:02}"
    name = day.isoformat()
    return name if kind == "day" else name[:7]


def span(day: date, kind: Literal["day", "week", "month"]) -> tuple[date, date]:
    """The first day of the period that a day is in, and the first day after it."""
    if kind == "day":
        return day, day + timedelta(days=1)
    if kind == "week":
        first = day - timedelta(days=day.weekday())
        return first, first + timedelta(days=7)
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1)


def midnight(day: date, here: tzinfo) -> float:
    """When a day begins in a time zone, in UTC seconds since 1970.

    Where the clocks skip midnight it begins as they are put forward; where they show it twice, at
    the first.
    """
    return datetime.combine(day, time(), here).timestamp()


def zone(name: str) -> tzinfo:
    """The time zone of an IANA name, or UTC."""
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)
