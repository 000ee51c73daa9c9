"""Limits, marks and periods: pure."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from agentd.budget.account import Account, Amount
from agentd.budget.marks import amount_marks, exceeded_marks, percent_marks
from agentd.periods import current_period


def account(
    spent: str = "0",
    tokens: int = 0,
    *,
    reserved: str = "0",
    usd: str | None = "50.00",
    limit_tokens: int | None = None,
) -> Account:
    return Account(
        key="budget",
        shown="change x",
        limit_usd=Decimal(usd) if usd else None,
        limit_tokens=limit_tokens,
        spent=Amount(Decimal(spent), tokens),
        reserved=Amount(Decimal(reserved)),
    )


def test_to_reach_a_limit_is_allowed_and_a_nano_dollar_more_is_not() -> None:
    assert not list(account("49.10").beyond(Amount(Decimal("0.90"))))
    (text,) = account("49.10").beyond(Amount(Decimal("0.900000001")))
    assert text == (
        "change x has spent $49.100000 of $50.000000; $0.900000 is left, $0.900000 needed "
        "(budget.limit_usd)"
    )


def test_what_others_have_reserved_counts() -> None:
    assert account("30", reserved="15").left_usd() == 5
    (text,) = account("30", reserved="15").beyond(Amount(Decimal(6)))
    assert "$15.000000 reserved by running calls; $5.000000 is left" in text
    assert account("60").left_usd() == 0


def test_both_limits_are_told() -> None:
    both = account("50", 1000, limit_tokens=1000)
    usd, tokens = both.beyond(Amount(Decimal("0.01"), 1))
    assert usd.endswith("(budget.limit_usd)")
    assert tokens == (
        "change x has used 1,000 of 1,000 tokens; 0 are left, 1 needed (budget.limit_tokens)"
    )
    assert not list(account(usd=None).beyond(Amount(Decimal(10**6), 10**12)))


@pytest.mark.parametrize(
    ("spent", "percent", "due"),
    [
        ("44.52", 90, False),
        ("45", 90, True),
        ("45.12", 90, True),
        ("0", 0, True),
        ("50", 100, True),
    ],
)
def test_a_percent_mark_is_reached_at_it(spent: str, percent: int, due: bool) -> None:
    assert bool(list(percent_marks(account(spent), Decimal(percent)))) is due


def test_what_the_marks_say() -> None:
    (percent,) = percent_marks(account("45.12"), Decimal(90))
    assert percent.text == "⚠️  BUDGET WARNING: 90% threshold reached ($45.12 / $50.00)"
    (of_step,) = percent_marks(account("45.12"), Decimal(90), "steps.review")
    assert of_step.name == "steps.review.percent@90@50"
    assert of_step.text == f"{percent.text} for change x"
    (tokens,) = percent_marks(account(tokens=95, usd=None, limit_tokens=100), Decimal(90))
    assert tokens == (
        "percent_tokens@90@100",
        "⚠️  BUDGET WARNING: 90% threshold reached (95 / 100 tokens)",
        False,
    )
    dollars, many = amount_marks(Amount(Decimal("0.512345"), 120_000), Decimal("0.5"), 100_000)
    assert dollars == (
        "dollars@0.5",
        "session cost $0.51 has crossed warn_at_dollars=$0.50",
        False,
    )
    assert many.text == "session used 120,000 tokens and has crossed warn_at_tokens=100,000"
    assert not list(amount_marks(Amount(Decimal("0.499999"), 99_999), Decimal("0.5"), 100_000))


def test_exceeded_is_more_than_the_limit() -> None:
    assert not list(exceeded_marks(account("50", 100, limit_tokens=100)))
    usd, tokens = exceeded_marks(account("60", 101, limit_tokens=100))
    assert usd == ("exceeded@50", "Budget exceeded: $60.00 / $50.00", True)
    assert tokens == ("exceeded_tokens@100", "Budget exceeded: 101 / 100 tokens", True)


UTC_TIMES = [
    # kind, zone, now, name, first instant, instant after the last
    ("day", "UTC", "2026-11-24T23:59:59", "2026-11-24", "2026-11-24T00:00", "2026-11-25T00:00"),
    # Clocks go forward: that day has 23 hours, so it begins at -5 and ends at -4.
    ("day", "America/New_York", "2026-03-08T12:00", "2026-03-08", "2026-03-08T05:00",
     "2026-03-09T04:00"),
    # And back: 25 hours. The hour that comes twice is in it both times.
    ("day", "America/New_York", "2026-11-01T06:30", "2026-11-01", "2026-11-01T04:00",
     "2026-11-02T05:00"),
    # A change of year, in a zone that is ahead: there it is January already.
    ("month", "Pacific/Auckland", "2026-12-31T11:00", "2027-01", "2026-12-31T11:00",
     "2027-01-31T11:00"),
    ("month", "Europe/Berlin", "2026-03-31T21:59:59", "2026-03", "2026-02-28T23:00",
     "2026-03-31T22:00"),
    ("month", "UTC", "2028-02-29T12:00", "2028-02", "2028-02-01T00:00", "2028-03-01T00:00"),
    # The ISO week of 1 January 2027 belongs to 2026.
    ("week", "UTC", "2027-01-01T00:00", "2026-W53", "2026-12-28T00:00", "2027-01-04T00:00"),
    ("week", "Europe/Berlin", "2026-10-25T12:00", "2026-W43", "2026-10-18T22:00",
     "2026-10-25T23:00"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "zone", "now", "name", "begin", "end"), UTC_TIMES)
def test_periods_follow_the_zone(
    kind: str, zone: str, now: str, name: str, begin: str, end: str
) -> None:
    def seconds(text: str) -> float:
        return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()

    period = current_period(datetime.fromisoformat(now).replace(tzinfo=UTC), kind, zone)  # type: ignore[arg-type]
    assert (period.name, period.begin, period.end) == (name, seconds(begin), seconds(end))
    assert period.holds(seconds(now))
    assert period.holds(period.begin)
    assert not period.holds(seconds(end))
    assert not period.holds(None)


def test_all_time_holds_everything() -> None:
    assert current_period(datetime(2026, 1, 1, tzinfo=UTC), "total", "UTC").holds(None)
