"""The day on which a call began, in time zones."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.periods import days_of, zone


def day(moment: str, timezone: str) -> str:
    [found] = days_of([datetime.fromisoformat(moment).timestamp()], zone(timezone))
    return str(found)


@pytest.mark.parametrize(
    ("timezone", "moment", "expected"),
    [
        ("Europe/Berlin", "2026-03-28T22:59:59Z", "2026-03-28"),
        ("Europe/Berlin", "2026-03-28T23:00:00Z", "2026-03-29"),
        ("Europe/Berlin", "2026-03-29T21:59:59Z", "2026-03-29"),
        ("Europe/Berlin", "2026-03-29T22:00:00Z", "2026-03-30"),
        ("Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25"),
        ("Europe/Berlin", "2026-10-25T22:59:59Z", "2026-10-25"),
        ("Europe/Berlin", "2026-10-25T23:00:00Z", "2026-10-26"),
        ("America/New_York", "2026-11-02T04:59:59Z", "2026-11-01"),
        ("America/New_York", "2027-01-01T04:59:59Z", "2026-12-31"),
        ("America/New_York", "2027-01-01T05:00:00Z", "2027-01-01"),
        ("Asia/Kathmandu", "2026-11-24T18:14:59Z", "2026-11-24"),
        ("Asia/Kathmandu", "2026-11-24T18:15:00Z", "2026-11-25"),
        ("Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29"),
        ("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31"),
        # The clocks went back a minute after midnight: the 7th, the 6th again, the 7th.
        ("America/St_Johns", "2010-11-07T02:30:30Z", "2010-11-07"),
        ("America/St_Johns", "2010-11-07T02:31:00Z", "2010-11-06"),
        ("America/St_Johns", "2010-11-07T03:30:00Z", "2010-11-07"),
        ("UTC", "2026-12-31T23:59:59Z", "2026-12-31"),
    ],
)
def test_the_day_of_a_moment(timezone: str, moment: str, expected: str) -> None:
    assert day(moment, timezone) == expected


@given(
    st.sampled_from(sorted(available_timezones())),
    st.lists(
        st.floats(63_072_000, 4_102_444_800).map(lambda at: round(at, 6)) | st.none(), max_size=30
    ),
)
def test_as_the_clock_there_shows_it(timezone: str, times: list[float | None]) -> None:
    here = ZoneInfo(timezone)
    expected = [None if at is None else datetime.fromtimestamp(at, here).date() for at in times]
    assert days_of(times, here) == expected


def test_a_time_that_the_calendar_lacks_has_no_day() -> None:
    assert days_of([-1e14, 1e14, 253402300799.0], ZoneInfo("Asia/Tokyo")) == [None, None, None]
    [last] = days_of([253402300799.0], UTC)
    assert str(last) == "9999-12-31"
