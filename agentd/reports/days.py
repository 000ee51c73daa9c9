"""The days on which calls began, in some time zone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta, tzinfo

_HOUR = 3600


def days_of(times: Sequence[float | None], here: tzinfo) -> list[date | None]:
    """The day of each of these UTC seconds since 1970 in the zone ``here``.

    None where there is no time, or one that the calendar does not have.
    """
    hours = {at // _HOUR for at in times if at is not None}
    days = {hour: _day_of_hour(hour, here) for hour in hours}
    return [None if at is None else days[at // _HOUR] or _day(at, here) for at in times]


def through(first: date, last: date) -> Iterator[date]:
    """Every day from the first to the last."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _day_of_hour(hour: float, here: tzinfo) -> date | None:
    """The day of a whole UTC hour; None when its calls must be asked for one by one.

    In most zones a day begins on a UTC hour, but in Kathmandu at a quarter past it.
    """
    try:
        first = datetime.fromtimestamp(hour * _HOUR, here)
        last = datetime.fromtimestamp((hour + 1) * _HOUR - 1e-3, here)
    except (ValueError, OverflowError):
        return None
    same = (first.date(), first.utcoffset()) == (last.date(), last.utcoffset())
    return first.date() if same else None


def _day(at: float, here: tzinfo) -> date | None:
    try:
        return datetime.fromtimestamp(at, here).date()
    except (ValueError, OverflowError):
        return None
