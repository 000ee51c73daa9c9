"""How good forecasts are: history played again, each part forecast from what was before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from agentd.reports.forecast.ranges import LATEST, Like, Measure, Past, Range
from agentd.reports.forecast.rest import Rest, range_of_rests
from agentd.reports.forecast.visits import Visit


class Replay(NamedTuple):
    """``within`` of ``replayed`` lay in their range, where ``expected`` were expected to.

    ``median_error_percent`` is by how much the middle missed what came, in percent of that; None
    when most of what came cost nothing.
    """

    replayed: int
    within: int
    expected: float
    median_error_percent: float | None


def replay_step(visits: Sequence[Visit], measure: Measure) -> Replay | None:
    """Forecast the LATEST visits of one step; None when none of them had enough before it.

    Visits without a time are history to others, and are not forecast themselves.
    """
    return _judged(_step_pairs(visits, measure))


def replay_rests(found: Sequence[Rest], visits: Sequence[Visit], measure: Measure) -> Replay | None:
    """Forecast the LATEST rests; None when none of them had enough before it.

    ``visits`` are those of all steps, for what each provider usually needs.
    """
    return _judged(_rest_pairs(found, visits, measure))


def _step_pairs(
    visits: Sequence[Visit], measure: Measure
) -> Iterator[tuple[Range | None, Decimal]]:
    timed = [(visit.started_at, visit) for visit in visits if visit.started_at]
    past = Unfolding(visits, measure)
    for started_at, visit in sorted(timed, key=lambda entry: entry[0])[-LATEST:]:
        value = measure.of(visit)
        if value is not None:
            steps = past.until(started_at)
            like = Like(visit.provider, visit.model, visit.prompt_bytes)
            yield (steps[visit.step].range_for(like) if visit.step in steps else None), value


def _rest_pairs(
    found: Sequence[Rest], visits: Sequence[Visit], measure: Measure
) -> Iterator[tuple[Range | None, Decimal]]:
    timed = [(rest.started_at, rest) for rest in found if rest.started_at]
    past = Unfolding(visits, measure)
    for started_at, rest in sorted(timed, key=lambda entry: entry[0])[-LATEST:]:
        if rest.needs is not None:
            ended = [other for other in found if (other.ended_at or 0.0) < started_at]
            steps = past.until(started_at)
            value = sum(rest.needs.values(), Decimal(0))
            yield range_of_rests(ended, measure, rest.providers(), steps), value


class Unfolding:
    """History as it was at one moment after another."""

    def __init__(self, visits: Sequence[Visit], measure: Measure) -> None:
        self._visits, self._measure = visits, measure
        self._ended = 0
        self._steps: dict[str, Past] = {}

    def until(self, moment: float) -> Mapping[str, Past]:
        """By step, the visits that had ended before ``moment``, which never goes back."""
        while self._ended < len(self._visits):
            visit = self._visits[self._ended]
            if (visit.ended_at or 0.0) >= moment:
                break
            if visit.step not in self._steps:
                self._steps[visit.step] = Past(self._measure)
            self._steps[visit.step].add(visit)
            self._ended += 1
        return self._steps


def _judged(pairs: Iterable[tuple[Range | None, Decimal]]) -> Replay | None:
    within, expected, errors = 0, 0.0, []
    for found, value in pairs:
        if found is not None:
            within += found.low <= value <= found.high
            expected += found.expected
            missed = abs(found.middle - value)
            errors.append(float(missed / value) if value else float("inf" if missed else 0))
    if not errors:
        return None
    median = sorted(errors)[len(errors) // 2]
    percent = None if median == float("inf") else round(100 * median, 1)
    return Replay(len(errors), within, round(expected, 1), percent)
