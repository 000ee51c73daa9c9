"""Days, weeks and months in time zones."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from agentd.periods import current_period, midnight, name_of, span, zone


def instant(seconds: float | None) -> str:
    assert seconds is not None
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(
    ("timezone", "now", "begin", "end"),
    [
        ("UTC", "2026-11-24T12:00", "2026-11-24T00:00", "2026-11-25T00:00"),
        # 23 hours long, and 25
        ("Europe/Berlin", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("Europe/Berlin", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("America/New_York", "2026-03-08T12:00", "2026-03-08T05:00", "2026-03-09T04:00"),
        ("America/New_York", "2026-11-01T12:00", "2026-11-01T04:00", "2026-11-02T05:00"),
        ("Asia/Kathmandu", "2026-01-01T00:00", "2025-12-31T18:15", "2026-01-01T18:15"),
        # The clocks go from midnight to one; from one back to midnight.
        ("America/Sao_Paulo", "2018-11-04T12:00", "2018-11-04T03:00", "2018-11-05T02:00"),
        ("America/Havana", "2026-11-01T12:00", "2026-11-01T04:00", "2026-11-02T05:00"),
        # There was no 30 December in Samoa: the 29th is followed by the 31st.
        ("Pacific/Apia", "2011-12-30T09:00", "2011-12-29T10:00", "2011-12-30T10:00"),
        ("Pacific/Apia", "2011-12-30T11:00", "2011-12-30T10:00", "2011-12-31T10:00"),
    ],
)
def test_a_day_is_from_midnight_to_midnight(timezone: str, now: str, begin: str, end: str) -> None:
    day = current_period(datetime.fromisoformat(now).replace(tzinfo=UTC), "day", timezone)
    assert (instant(day.begin), instant(day.end)) == (begin, end)


@pytest.mark.parametrize(
    ("day", "week", "month"),
    [
        ("2026-12-31", "2026-W53", "2026-12"),
        ("2027-01-01", "2026-W53", "2027-01"),
        ("2027-01-03", "2026-W53", "2027-01"),
        ("2027-01-04", "2027-W01", "2027-01"),
        ("2024-12-30", "2025-W01", "2024-12"),
        ("2026-11-24", "2026-W48", "2026-11"),
    ],
)
def test_names(day: str, week: str, month: str) -> None:
    at = date.fromisoformat(day)
    assert (name_of(at, "day"), name_of(at, "week"), name_of(at, "month")) == (day, week, month)


@pytest.mark.parametrize(
    ("kind", "name", "begin", "end"),
    [
        ("week", "2026-W53", "2026-12-28", "2027-01-04"),
        ("month", "2026-12", "2026-12-01", "2027-01-01"),
        ("day", "2026-12-31", "2026-12-31", "2027-01-01"),
    ],
)
def test_a_period_over_the_end_of_a_year(kind: str, name: str, begin: str, end: str) -> None:
    new_year = datetime(2027, 1, 1, 1, tzinfo=UTC)  # still 2026 in New York
    period = current_period(new_year, kind, "America/New_York")  # type: ignore[arg-type]
    here = zone("America/New_York")
    assert period.name == name
    assert period.begin == midnight(date.fromisoformat(begin), here)
    assert period.end == midnight(date.fromisoformat(end), here)
    assert period.holds(new_year.timestamp())
    assert not period.holds(period.end)
    assert not period.holds(None)


def test_all_time_holds_everything() -> None:
    every = current_period(datetime(2026, 1, 1, tzinfo=UTC), "total", "UTC")
    assert every.name == ""
    assert every.holds(0.0)
    assert every.holds(None)


def test_february_is_followed_by_march() -> None:
    assert span(date(2028, 2, 29), "month") == (date(2028, 2, 1), date(2028, 3, 1))
