"""When a budget will be used up, and which one would do: against histories that are known."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest

from agentd.reports.forecast.outlook import (
    FEWEST_DAYS,
    HORIZON_DAYS,
    Case,
    Limited,
    Outlook,
    of_change,
    of_project,
)

D = Decimal
TODAY = date(2026, 11, 10)
END = date(2026, 12, 1)


def limited(limit: str, used: str = "0") -> Limited:
    return Limited("usd", D(limit), D(used), max(D(0), D(limit) - D(used)))


def flat(total: int, calls: int = 4) -> Case:
    """So many calls that cost the same."""
    return Case([(n, D(total) * n / calls) for n in range(1, calls + 1)])


def test_nine_changes_tell_what_holds_and_eight_do_not() -> None:
    cases = [flat(total) for total in range(1, 10)]
    too_few = of_change(limited("6"), cases[:8])
    assert (too_few.samples, too_few.needed) == (8, 9)
    assert (too_few.lasts, too_few.enough, too_few.used_up_after_calls) == (None, None, None)
    found = of_change(limited("6.5", used="0.5"), cases)  # $6 left: 7, 8 and 9 need more
    assert found == Outlook(
        "usd",
        D("6.5"),
        D(6),
        "changes",
        9,
        9,
        "the archive",
        lasts=0.6667,
        used_up_after_calls=4,
        enough=D("9.5"),  # the dearest of 9, and what is spent already
    )


def test_the_calls_until_it_is_used_up_are_counted_where_it_is() -> None:
    cases = [flat(10, calls=10)] * 9
    found = of_change(limited("3.5"), cases)
    assert (found.lasts, found.used_up_after_calls) == (0.0, 4)
    assert of_change(limited("10"), cases).used_up_after_calls is None  # to its last cent
    nothing_left = of_change(limited("5", used="7"), cases)
    assert (nothing_left.used_up_after_calls, nothing_left.enough) == (1, 17)
    free = of_change(limited("0"), [Case([])] * 9)
    assert (free.lasts, free.enough) == (1.0, 0)


def test_of_19_changes_the_eighteenth_would_do() -> None:
    assert of_change(limited("1"), [flat(n) for n in range(1, 20)]).enough == 18


def test_nine_in_ten_of_the_next_cost_no_more() -> None:
    chance = Random(5)
    costs = [D(round(chance.lognormvariate(0, 1), 6)) for _ in range(2030)]
    held = 0
    for at in range(30, 2030):
        enough = of_change(limited("1"), [Case([(1, cost)]) for cost in costs[at - 30 : at]]).enough
        assert enough is not None
        held += costs[at] <= enough
    assert 0.88 < held / 2000 < 0.93


def test_equal_days_use_it_up_on_the_day_that_can_be_reckoned() -> None:
    days = [D(2)] * 30
    found = of_project(limited("30", used="15"), days, TODAY, D("0.5"), END)
    # Half of today is to come, $1: with 7 days more it is $15, and the eighth is beyond.
    assert found.used_up_on == TODAY + timedelta(days=8)
    assert found.lasts == 0.0
    assert found.until == "2026-11-30"
    assert found.enough == 15 + 1 + 20 * 2
    to_the_cent = of_project(limited("56", used="15"), days, TODAY, D("0.5"), END)
    assert (to_the_cent.used_up_on, to_the_cent.lasts) == (None, 1.0)
    gone = of_project(limited("5", used="9"), days, TODAY, D("0.5"), END)
    assert gone.used_up_on == TODAY
    week = of_project(limited("30"), days[: FEWEST_DAYS - 1], TODAY, D(1), END)
    assert (week.samples, week.needed, week.lasts, week.enough) == (6, 7, None, None)


def test_a_limit_without_a_period_looks_a_year_ahead() -> None:
    found = of_project(limited("100"), [D(1)] * 10, TODAY, D(1), None)
    assert found.used_up_on == TODAY + timedelta(days=100)
    assert found.enough == 31  # today and 30 days
    assert found.until == "2026-12-10"
    rich = of_project(limited(str(HORIZON_DAYS)), [D(1)] * 10, TODAY, D(1), None)
    assert (rich.used_up_on, rich.lasts) == (None, 1.0)


def test_unequal_days_are_drawn_the_same_way_each_time() -> None:
    days = [D(0), D(0), D(0), D(0), D(0), D(10), D(10)] * 4
    first, *others = (
        of_project(limited(limit), days, TODAY, D(1), END) for limit in ("20", "40", "60", "90")
    )
    assert first == of_project(limited("20"), days, TODAY, D(1), END)
    shares = [one.lasts or 0.0 for one in (first, *others)]
    assert all(one < other for one, other in pairwise(shares))
    # 21 days, each $10 with 2 in 7: 6 such days in the mean, 2.1 the deviation.
    assert first.enough == pytest.approx(D(90), abs=D(10))
    assert {one.enough for one in others} == {first.enough}
    assert others[-1].lasts == pytest.approx(0.95, abs=0.03)  # 9 such days or fewer
    for outlook in (first, *others):
        assert (outlook.used_up_on is not None) == ((outlook.lasts or 0) < 0.5)
