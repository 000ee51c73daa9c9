"""When a limit will be used up, and which one would do: from what changes, or days, have needed.

Pure: no clock, no files. Its chance is drawn from a fixed seed, so that it always says the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Literal, NamedTuple

from agentd.reports.forecast.ranges import ENOUGH

FEWEST_DAYS = 7
"""So many whole days must lie behind a project; fewer can't tell what a day costs."""

LATEST_DAYS = 90
"""No more than these count, the latest ones."""

DRAWS = 1000
HORIZON_DAYS = 365
NEXT_DAYS = 30
"""A limit without a period is looked at for so long; another one for it would do for these days."""


class Case(NamedTuple):
    """What the rest of an earlier change needed of a limit: after so many calls, so much in all."""

    needs: Sequence[tuple[int, Decimal]]

    @property
    def total(self) -> Decimal:
        """At its end."""
        return self.needs[-1][1] if self.needs else Decimal(0)


class Outlook(NamedTuple):
    """What will become of a limit, in USD or in tokens.

    ``samples`` changes or days tell it, at least ``needed`` are; with fewer all that follows is
    None. ``lasts`` is the share (0 to 1) of cases in which the limit does. Where it does not in
    most of them, a project's is ``used_up_on`` that day; where it does not in some, a change's is
    ``used_up_after_calls`` in these. Both are medians. ``enough`` would do in 90 % of cases,
    ``until`` then.
    """

    unit: Literal["usd", "tokens"]
    limit: Decimal
    left: Decimal
    source: Literal["changes", "days"]
    samples: int
    needed: int
    until: str
    lasts: float | None = None
    used_up_on: date | None = None
    used_up_after_calls: int | None = None
    enough: Decimal | None = None


class Limited(NamedTuple):
    """A limit, and what is used and left of it."""

    unit: Literal["usd", "tokens"]
    limit: Decimal
    used: Decimal
    left: Decimal


def of_change(of: Limited, cases: Sequence[Case]) -> Outlook:
    """From what the rests of earlier changes needed: the next one is as likely to lie in any gap.

    Of n rests the next needs no more than the k-th smallest in k of n + 1 cases.
    """
    count = len(cases)
    found = Outlook(of.unit, of.limit, of.left, "changes", count, ENOUGH, "the archive")
    if count < ENOUGH:
        return found
    beyond = [
        next(calls for calls, needed in case.needs if needed > of.left)
        for case in cases
        if case.total > of.left
    ]
    totals = sorted(case.total for case in cases)
    return found._replace(
        lasts=round(1 - len(beyond) / count, 4),
        used_up_after_calls=sorted(beyond)[len(beyond) // 2] if beyond else None,
        enough=of.used + totals[-(-9 * (count + 1) // 10) - 1],
    )


def of_project(
    of: Limited, days: Sequence[Decimal], today: date, today_left: Decimal, end: date | None
) -> Outlook:
    """From what each of the last days needed, ``days`` in any order: each to come is like one.

    ``today_left`` is the share of today that is to come (0 to 1), ``end`` the first day after the
    limit's period, None where it has none.
    """
    latest = days[-LATEST_DAYS:]
    until = f"{end - timedelta(days=1)}" if end else f"{today + timedelta(days=NEXT_DAYS)}"
    found = Outlook(of.unit, of.limit, of.left, "days", len(latest), FEWEST_DAYS, until)
    if len(latest) < FEWEST_DAYS:
        return found
    chance, to_come = Random(17), (end - today).days if end else HORIZON_DAYS
    within = to_come if end else NEXT_DAYS + 1
    totals, ends = [], []
    for _ in range(DRAWS):
        needed, over = Decimal(0), to_come
        for number, day in enumerate(chance.choices(latest, k=to_come)):
            needed += day if number else day * today_left
            if number == within - 1:
                totals.append(needed)
            if over == to_come and needed > of.left:
                over = number
        ends.append(over)
    ends.sort()
    middle = ends[DRAWS // 2]
    return found._replace(
        lasts=round(ends.count(to_come) / DRAWS, 4),
        used_up_on=today + timedelta(days=middle) if middle < to_come else None,
        enough=of.used + sorted(totals)[DRAWS * 9 // 10 - 1],
    )
