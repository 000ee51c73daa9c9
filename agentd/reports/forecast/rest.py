"""What the rest of a change will probably cost: from what the rests of finished changes have cost.

Whole rests are compared, not sums of steps: how often a step comes again is in them, and that a
large change is dear in every step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from agentd.reports.forecast.ranges import FEWEST, LATEST, Measure, Past, Range, spread
from agentd.reports.forecast.visits import Visit


class Rest(NamedTuple):
    """What a finished change needed from some step on, and when that began and ended.

    ``needs`` is by step and provider; None when that of a visit is not known. ``visits`` are those
    that it was made of, in order.
    """

    needs: Mapping[tuple[str, str | None], Decimal] | None
    started_at: float | None
    ended_at: float | None
    visits: Sequence[Visit] = ()

    def providers(self) -> dict[str, str | None]:
        """Who did each step; the last one where several did."""
        return dict((self.needs or {}).keys())


def rests(
    visits: Iterable[Visit], finished: Iterable[str], step: str, time: int, measure: Measure
) -> list[Rest]:
    """The rests of the ``finished`` changes from the ``time``-th run of ``step`` on (1: its first).

    In the order in which they ended. Where too few came so far, an earlier run is taken.
    """
    by_change: dict[str, list[Visit]] = {change_id: [] for change_id in finished}
    for visit in visits:
        if visit.change_id in by_change:
            by_change[visit.change_id].append(visit)
    found: list[Sequence[Visit]] = []
    for number in range(time, 0, -1):
        found = []
        for own in by_change.values():
            places = [place for place, visit in enumerate(own) if visit.step == step]
            if len(places) >= number:
                found.append(own[places[number - 1] :])
        if len(found) >= FEWEST:
            break
    found.sort(key=lambda rest: rest[-1].ended_at or 0.0)
    return [
        Rest(_needs(rest, measure), rest[0].started_at, rest[-1].ended_at, rest) for rest in found
    ]


def _needs(
    visits: Sequence[Visit], measure: Measure
) -> dict[tuple[str, str | None], Decimal] | None:
    needs: dict[tuple[str, str | None], Decimal] = {}
    for visit in visits:
        value = measure.of(visit)
        if value is None:
            return None
        done = visit.step, visit.provider
        needs[done] = needs.get(done, Decimal(0)) + value
    return needs


def range_of_rests(
    past: Iterable[Rest],
    measure: Measure,
    providers: Mapping[str, str | None],
    steps: Mapping[str, Past],
) -> Range | None:
    """Where the rest of a change probably lies whose steps are run by ``providers``.

    What another provider did is taken in the proportion of what the two usually need for that step,
    where that is known from ``steps``.
    """
    totals = []
    for rest in past:
        if rest.needs is not None:
            total = Decimal(0)
            for done, value in rest.needs.items():
                total += as_now(value, done, measure, providers, steps)
            totals.append(total)
    return spread(totals[-LATEST:], ("step it goes on from",))


def as_now(
    value: Decimal,
    done: tuple[str, str | None],
    measure: Measure,
    providers: Mapping[str, str | None],
    steps: Mapping[str, Past],
) -> Decimal:
    """What was needed for a step by the provider that did it, with the one that does it now."""
    step, then = done
    now = providers.get(step, then)
    usual = steps.get(step)
    if now == then or usual is None:
        return value
    usual_then, usual_now = usual.usual(then), usual.usual(now)
    if usual_then and usual_now is not None:
        return round(value * usual_now / usual_then, measure.digits).normalize()
    return value
