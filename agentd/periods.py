"""Days, weeks and months in some time zone: their names, and when they begin and end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Literal

from agentd.frozen import frozen

_HOUR, _DAY = 3600, 86400


@frozen()
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


def days_of(times: Sequence[float | None], here: tzinfo) -> list[date | None]:
    """The day of each of these UTC seconds since 1970 in the zone ``here``.

    None where there is no time, or one that the calendar does not have.
    """
    unit = _DAY if here is UTC else _HOUR
    numbers = [None if at is None else at // unit for at in times]
    known = {one: None if one is None else _day_of(one * unit, unit, here) for one in {*numbers}}
    days = [known[number] for number in numbers]
    if None in days:
        return [day or _day(at, here) for day, at in zip(days, times, strict=True)]
    return days


def day_of_hour(hour: str, here: tzinfo) -> date | None:
    """The day in ``here`` of an hour of UTC like 2026-11-24T15; None when a day begins amid it."""
    if here is UTC:
        return date.fromisoformat(hour[:10])
    begin = datetime.fromisoformat(hour).replace(tzinfo=UTC).timestamp()
    return _day_of(begin, _HOUR, here)


def through(first: date, last: date) -> Iterator[date]:
    """Every day from the first to the last."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


@lru_cache(100_000)
def _day_of(begin: float, unit: int, here: tzinfo) -> date | None:
    """The day of a whole UTC hour, or day; None when its calls must be asked for one by one.

    In most zones a day begins on a UTC hour, but in Kathmandu at a quarter past it.
    """
    try:
        first = datetime.fromtimestamp(begin, here)
        last = datetime.fromtimestamp(begin + unit - 1e-3, here)
    except (ValueError, OverflowError):
        return None
    same = (first.date(), first.utcoffset()) == (last.date(), last.utcoffset())
    return first.date() if same else None


def _day(at: float | None, here: tzinfo) -> date | None:
    try:
        return None if at is None else datetime.fromtimestamp(at, here).date()
    except (ValueError, OverflowError):
        return None
