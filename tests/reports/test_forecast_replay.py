"""History played again: how good the forecasts were, told from what was before each."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.forecast_samples import visit

from agentd.reports.forecast.ranges import LATEST, TOKENS, USD
from agentd.reports.forecast.replay import replay_rests, replay_step
from agentd.reports.forecast.rest import rests
from agentd.reports.forecast.visits import Visit


def test_counted_by_hand() -> None:
    visits = [visit(number, cost) for number, cost in enumerate(["2", "1", "3", "4", "2", "10"])]
    found = replay_step(visits, USD)
    # 4 from 1..3 (middle 2): out, off by a half. 2 from 1..4 (middle 3): in, off by a half.
    # 10 from 1..4 (middle 2): out, off by four fifths.
    assert found is not None
    assert found == (3, 1, pytest.approx(0.5 + 0.6 + 2 / 3, abs=0.05), 50.0)


def test_too_little_to_replay() -> None:
    assert replay_step([visit(number, "1") for number in range(3)], USD) is None
    assert replay_step([visit(number, None) for number in range(9)], USD) is None
    assert replay_step([visit(number, None) for number in range(9)], TOKENS) is not None
    untimed = [visit(number, "1", started_at=None, ended_at=None) for number in range(9)]
    assert replay_step(untimed, USD) is None
    followed = replay_step([*untimed, visit(10, "1")], USD)
    assert followed == (1, 1, 0.8, 0.0)


def test_what_ran_at_the_same_time_is_not_known_yet() -> None:
    same = [visit(0, str(number), change_id=f"c{number}") for number in range(1, 20)]
    assert replay_step(same, USD) is None
    overlapping = [
        visit(number, "1", ended_at=visit(number + 5, "1").started_at) for number in range(9)
    ]
    found = replay_step(overlapping, USD)
    assert found is not None
    assert found.replayed == 1  # the last one: of the eight before it three had ended by then


def test_what_costs_nothing_has_no_percentage() -> None:
    free = [visit(number, "0") for number in range(9)]
    found = replay_step(free, USD)
    assert found is not None
    assert (found.replayed, found.within, found.median_error_percent) == (6, 6, 0.0)
    surprising = [visit(number, "1" if number < 6 else "0") for number in range(9)]
    found = replay_step(surprising, USD)
    assert found is not None
    assert found.median_error_percent is None


@pytest.mark.parametrize("count", [20, LATEST + 3, 400])
def test_ranges_hold_as_often_as_they_say(count: int) -> None:
    within, replayed, expected = 0, 0, 0.0
    for seed in range(20):
        chance = random.Random(seed)
        visits = [visit(number, f"{chance.lognormvariate(-1, 0.8):.6f}") for number in range(count)]
        found = replay_step(visits, USD)
        assert found is not None
        within += found.within
        replayed += found.replayed
        expected += found.expected
    assert replayed == 20 * min(count - 3, LATEST)
    assert within / replayed == pytest.approx(expected / replayed, abs=0.05)


def sized(chance: random.Random, number: int, power: float) -> Visit:
    size = int(6000 * chance.lognormvariate(0, 1))
    cost = 0.2 * (size / 6000) ** power * chance.lognormvariate(0, 0.5)
    return visit(number, f"{cost:.6f}", prompt_bytes=size)


def median_error(power: float, *, with_sizes: bool) -> float:
    errors = []
    for seed in range(15):
        chance = random.Random(seed)
        visits = [sized(chance, number, power) for number in range(200)]
        if not with_sizes:
            visits = [one._replace(prompt_bytes=None) for one in visits]
        found = replay_step(visits, USD)
        assert found is not None
        assert found.median_error_percent is not None
        errors.append(found.median_error_percent)
    return sum(errors) / len(errors)


def test_the_size_of_the_prompt_helps_where_it_matters_and_harms_nowhere() -> None:
    assert median_error(1, with_sizes=True) < 0.7 * median_error(1, with_sizes=False)
    assert median_error(0, with_sizes=True) < 1.05 * median_error(0, with_sizes=False)


@given(st.lists(st.integers(0, 1000), max_size=30), st.randoms(use_true_random=False))
def test_what_comes_later_changes_no_earlier_forecast(
    costs: list[int], chance: random.Random
) -> None:
    visits = [visit(number, str(cost)) for number, cost in enumerate(costs)]
    found = replay_step(visits, USD)
    assert replay_step(visits, USD) == found
    if found is not None:
        assert 0 <= found.within <= found.replayed == len(costs) - 3
    later = [visit(100 + number, str(chance.randrange(1000))) for number in range(5)]
    extended = replay_step([*visits, *later], USD)
    if found is not None and extended is not None:
        assert extended.replayed - found.replayed == 5
        assert 0 <= extended.within - found.within <= 5


def change(number: int, cost: str, *, mender: str = "codex") -> list[Visit]:
    first = visit(number, cost)
    assert first.ended_at is not None
    second = visit(number, cost, step="resolve", provider=mender)
    return [first, second._replace(started_at=first.ended_at + 1, ended_at=first.ended_at + 2)]


def test_rests_are_forecast_from_changes_that_had_ended() -> None:
    visits = [part for number in range(6) for part in change(number, str(number + 1))]
    finished = [f"change-{number}" for number in range(6)]
    found = rests(visits, finished, "review", 1, USD)
    replay = replay_rests(found, visits, USD)
    # 8 from 2..6 (middle 4), 10 from 2..8 (6), 12 from 2..10 (6).
    assert replay == (3, 0, pytest.approx(1.8, abs=0.05), 50.0)
    assert replay_rests(found[:3], visits, USD) is None
    at_once = [rest._replace(ended_at=found[3].started_at) for rest in found[:3]]
    assert replay_rests([*at_once, found[3]], visits, USD) is None


def test_rests_by_another_provider_are_forecast_in_its_proportion() -> None:
    visits = [part for number in range(6) for part in change(number, "1", mender="claude")]
    dear = [
        visit(10 + number, "5", step="resolve", provider="gemini", change_id="open")
        for number in range(3)
    ]
    last = change(20, "1", mender="gemini")
    last[1] = last[1]._replace(cost_usd=Decimal(5))
    finished = [*(f"change-{number}" for number in range(6)), "change-20"]
    every = [*visits, *dear, *last]
    replay = replay_rests(rests(every, finished, "review", 1, USD), every, USD)
    assert replay is not None
    assert (replay.replayed, replay.within, replay.median_error_percent) == (4, 4, 0.0)
