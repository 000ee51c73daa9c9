"""What a step will probably cost: the range of what runs of it that were alike have cost.

Pure: from visits to ranges, no clock, no chance. A range runs from one thing that did happen to
another, so nothing in it is made up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

from agentd.reports.forecast.visits import Visit

FEWEST = 3
"""As many alike ones must there be, or nothing is forecast."""

ENOUGH = 9
"""From as many on a range leaves out the ends and still holds 8 in 10; only then it may narrow."""

LATEST = 100
"""No more than these count, the latest ones: prices, models and prompts change."""


class Measure(NamedTuple):
    """What is forecast of a visit: ``of`` gives it, None where unknown; ``digits`` it has at most
    after its point."""

    of: Callable[[Visit], Decimal | None]
    digits: int


USD = Measure(attrgetter("cost_usd"), 9)
TOKENS = Measure(attrgetter("tokens"), 0)


class Range(NamedTuple):
    """Where the next one probably lies, in USD or in tokens.

    ``samples`` earlier ones are alike in ``alike_in``. ``expected`` is the share of the next ones
    (0 to 1) that lie between ``low`` and ``high``, if they are as the earlier ones were.
    """

    low: Decimal
    middle: Decimal
    high: Decimal
    samples: int
    expected: float
    alike_in: tuple[str, ...]


class Like(NamedTuple):
    """What is known beforehand of a step's run; None where it is not."""

    provider: str | None
    model: str | None = None
    prompt_bytes: int | None = None


def spread(values: Sequence[Decimal], alike_in: tuple[str, ...]) -> Range | None:
    """The range of at least FEWEST values, else None.

    Of n values the next one is as likely to fall into each of the n + 1 gaps. A tenth of the gaps
    is left out at each end, at least the outermost one: 8 in 10 are expected within, 1 in 2 of 3.
    """
    count = len(values)
    if count < FEWEST:
        return None
    ordered = sorted(values)
    out = max(1, (count + 1) // 10)
    return Range(
        low=ordered[out - 1],
        middle=ordered[count // 2],
        high=ordered[-out],
        samples=count,
        expected=1 - 2 * out / (count + 1),
        alike_in=alike_in,
    )


class Past:
    """The visits of one step so far, by one measure; those without a value are passed over."""

    def __init__(self, measure: Measure, visits: Iterable[Visit] = ()) -> None:
        self._measure = measure
        self._all: deque[Visit] = deque(maxlen=LATEST)
        self._own: dict[str | None, deque[Visit]] = {}
        self._usual: dict[str | None, Decimal | None] = {}
        for visit in visits:
            self.add(visit)

    def add(self, visit: Visit) -> None:
        """Take in the visit that ended next."""
        if self._measure.of(visit) is not None:
            self._all.append(visit)
            if visit.provider not in self._own:
                self._own[visit.provider] = deque(maxlen=LATEST)
            self._own[visit.provider].append(visit)
            self._usual.pop(visit.provider, None)

    def range_for(self, like: Like) -> Range | None:
        """The range of the visits alike; None when there are not enough, whatever the provider."""
        alike_in: tuple[str, ...] = ("step", "provider")
        chosen: Sequence[Visit] = self._own.get(like.provider, ())
        if len(chosen) < FEWEST:
            alike_in, chosen = ("step",), self._all
        elif len(found := [visit for visit in chosen if visit.model == like.model]) >= ENOUGH:
            alike_in, chosen = (*alike_in, "model"), found
        if len(found := _sized(chosen, like.prompt_bytes)) >= ENOUGH:
            alike_in, chosen = (*alike_in, "prompt size"), found
        values = [value for visit in chosen if (value := self._measure.of(visit)) is not None]
        return spread(values, alike_in)

    def usual(self, provider: str | None) -> Decimal | None:
        """The middle of a provider's visits, None when there are not enough."""
        if provider not in self._usual:
            own = self._own.get(provider, ())
            values = [value for visit in own if (value := self._measure.of(visit)) is not None]
            found = spread(values, ())
            self._usual[provider] = found and found.middle
        return self._usual[provider]


def _sized(visits: Iterable[Visit], prompt_bytes: int | None) -> list[Visit]:
    """Those whose prompt was from half as long to twice as long."""
    if not prompt_bytes:
        return []
    return [
        visit
        for visit in visits
        if visit.prompt_bytes and prompt_bytes <= 2 * visit.prompt_bytes <= 4 * prompt_bytes
    ]
