"""The clock, read in this one place."""

from __future__ import annotations

import time
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta

_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    """The current time in UTC, without microseconds (the ledger's resolution)."""
    return datetime.now(UTC).replace(microsecond=0)


def precise_utc_now() -> datetime:
    """The current time in UTC with microseconds, to compare with the times in a CLI's log."""
    return datetime.now(UTC)


def monotonic_ms() -> int:
    """Milliseconds of a clock that never runs backwards, for durations."""
    return time.monotonic_ns() // 1_000_000


def iso(moment: datetime) -> str:
    """``2026-11-22T05:40:52Z``, the form used in every file of agentd."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unix_nano(moment: datetime) -> int:
    """Nanoseconds since 1970, as OpenTelemetry counts; exact to the microsecond."""
    return (moment - _BEGIN) // timedelta(microseconds=1) * 1000


def ended_at(began_at: datetime, duration_ms: int | None) -> datetime:
    """When what began then ended; of an unknown duration, or one beyond the calendar, at once."""
    try:
        return began_at + timedelta(milliseconds=duration_ms or 0)
    except OverflowError:
        return began_at


def from_iso(text: str) -> datetime:
    """The moment that :func:`iso` wrote. Raises ValueError when it is no ISO 8601 time.

    Nor is one of the first or the last year: another time zone may not have it.
    """
    moment = datetime.fromisoformat(text)
    if not MINYEAR < moment.year < MAXYEAR:
        raise ValueError(f"{text[:40]} is beyond the calendar")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def told_time(value: object) -> datetime | None:
    """The moment in what somebody else wrote; None for what tells none."""
    try:
        return from_iso(value) if isinstance(value, str) else None
    except ValueError:
        return None


def local_time() -> str:
    """``14:24:58``: the time of day here, for lines that a person reads."""
    return local(precise_utc_now()).strftime("%H:%M:%S")


def local(moment: datetime) -> datetime:
    """The moment in the zone of this machine; in UTC where TZ says what no zone can be."""
    try:
        return moment.astimezone()
    except ValueError:  # TZ=UTC+25
        return moment.astimezone(UTC)
