"""What --since and --until mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from support.row_samples import CALL

from agentd.periods import zone
from agentd.reports.selection import Bounds, span_of

NOW = datetime(2026, 11, 25, 3, 30, tzinfo=UTC)  # in New York still the 24th


def instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [
        ("2026-11-24", "2026-11-24T05:00", "2026-11-25T05:00"),
        ("20261124", "2026-11-24T05:00", "2026-11-25T05:00"),
        ("today", "2026-11-24T05:00", "2026-11-25T05:00"),
        ("yesterday", "2026-11-23T05:00", "2026-11-24T05:00"),
        ("0d", "2026-11-24T05:00", "2026-11-25T05:00"),
        ("30d", "2026-10-25T04:00", "2026-10-26T04:00"),  # by days of the calendar, not by hours
        ("2w", "2026-11-10T05:00", "2026-11-11T05:00"),
        ("2026-W45", "2026-11-02T05:00", "2026-11-09T05:00"),
        ("2026-W44", "2026-10-26T04:00", "2026-11-02T05:00"),
        ("2026-11", "2026-11-01T04:00", "2026-12-01T05:00"),
        ("2026-12", "2026-12-01T05:00", "2027-01-01T05:00"),
        ("12h", "2026-11-24T15:30", "2026-11-24T15:30"),
        ("2026-11-24T10:00", "2026-11-24T15:00", "2026-11-24T15:00"),
        ("2026-11-24 10:00", "2026-11-24T15:00", "2026-11-24T15:00"),
        ("2026-11-24T10:00Z", "2026-11-24T10:00", "2026-11-24T10:00"),
        ("2026-11-24T10:00+02:00", "2026-11-24T08:00", "2026-11-24T08:00"),
        ("2026-11-01T01:30", "2026-11-01T05:30", "2026-11-01T05:30"),  # it comes twice: the first
    ],
)
def test_days_and_times(text: str, begin: str, end: str) -> None:
    here = zone("America/New_York")
    assert [*map(instant, span_of(text, NOW, here))] == [begin, end]


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "now",
            "24.11.2026",
            "2026-02-30",
            "2026-13",
            "2026-W54",
            "7x",
            "-1d",
            "7",
            "100000d",
        ),
        *("9999-12-31", "9999-12", "9999-W52"),  # their end is beyond the calendar
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the command says what is wrong
        span_of(text, NOW, zone("Asia/Tokyo"))


def test_the_end_is_not_in_it_and_calls_without_a_time_are_counted() -> None:
    rows = [CALL._replace(started_at=at) for at in (9.0, 10.0, 19.5, 20.0, None)]
    chosen, untimed = Bounds(10.0, 20.0).select(rows)
    assert [row.started_at for row in chosen] == [10.0, 19.5]
    assert untimed == 1
    assert Bounds(begin=10.0).select(rows) == (rows[1:4], 1)
    assert Bounds(end=10.0).select(rows) == (rows[:1], 1)
    assert Bounds().select(rows) == (rows, 0)
