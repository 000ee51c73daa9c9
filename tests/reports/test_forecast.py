"""Visits and ranges: what a step, or the rest of a change, will probably cost."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.forecast_samples import row, visit

from agentd.ledger.rows import Part
from agentd.reports.forecast.ranges import FEWEST, LATEST, TOKENS, USD, Like, Past, Range, spread
from agentd.reports.forecast.rest import range_of_rests, rests
from agentd.reports.forecast.visits import Visit, visits_of

AMOUNTS = st.lists(
    st.decimals(min_value=0, max_value=10_000, places=9, allow_nan=False), min_size=1, max_size=60
)


def in_range(visits: list[Visit], like: Like) -> Range:
    found = Past(USD, visits).range_for(like)
    assert found is not None
    return found


def test_work_by_hand_is_no_step_and_parts_none() -> None:
    calls = [
        row("review", "0.10", at=1, status="failed"),
        row("manual", "7", at=2),
        row("review", "0.20", at=3),
    ]
    (found,) = visits_of(calls)
    assert (found.step, found.calls, found.cost_usd) == ("review", 2, Decimal("0.30"))


def test_failed_calls_belong_to_the_one_that_did_the_step() -> None:
    calls = [
        row("review", "0.10", at=1, status="failed"),
        row("review", "0.20", at=2, status="timeout"),
        row("review", "0.40", at=3, provider="claude", model="sonnet"),
        row("resolve", "9", at=4, status="failed"),
        row("review", "0.05", at=5),
    ]
    first, second = visits_of(calls)
    assert (first.cost_usd, first.calls, first.tokens) == (Decimal("0.70"), 3, 3000)
    assert (first.provider, first.model, first.call_id) == ("codex", "gpt-5", calls[0].call_id)
    assert (first.started_at, first.ended_at) == (calls[0].started_at, calls[2].started_at + 1)  # type: ignore[operator]
    assert second.cost_usd == Decimal("0.05")


def test_a_step_that_was_never_done_tells_nothing() -> None:
    assert visits_of([row(at=day, status="failed") for day in range(50)]) == []


def test_changes_at_work_at_the_same_time_are_told_apart() -> None:
    calls = [
        row("review", "1", at=1, status="failed", change_id="a"),
        row("review", "2", at=2, status="failed", change_id="b"),
        row("review", "4", at=3, change_id="a"),
        row("review", "8", at=4, change_id="b"),
    ]
    costs = {found.change_id: found.cost_usd for found in visits_of(calls)}
    assert costs == {"a": Decimal(5), "b": Decimal(10)}


@pytest.mark.parametrize(
    ("call", "cost"),
    [
        (row(cost="0", cost_source="none"), None),
        (row(cost="0", cost_source="config"), Decimal(0)),
        (row(cost="0", cost_source="none", tokens_in=0, tokens_out=0), Decimal(0)),
        (row(cost="0", cost_source="none", model="llama3:8b"), Decimal(0)),
        (row(cost="0", cost_source="none", model="ollama/mine"), Decimal(0)),
        (row(cost="1", parts=(Part("x", 1, 1, 0, 0, Decimal(1), "config"),)), Decimal(1)),
        (row(cost="1", parts=(Part("x", 1, 1, 0, 0, Decimal(0), "none"),)), None),
    ],
)
def test_a_cost_is_unknown_where_tokens_have_no_price(call: object, cost: Decimal | None) -> None:
    (found,) = visits_of([call])  # type: ignore[list-item]
    assert found.cost_usd == cost
    assert found.tokens == call.tokens_in + call.tokens_out  # type: ignore[attr-defined]


@given(st.permutations(range(12)))
def test_the_order_of_the_ledgers_does_not_matter(order: list[int]) -> None:
    calls = [row("review", str(day), at=day, change_id=f"c{day % 3}") for day in range(12)]
    assert visits_of([calls[place] for place in order]) == visits_of(calls)


def test_short_calls_of_one_second_stay_in_order() -> None:
    calls = [row("review", duration_ms=300), row("resolve", duration_ms=100), row("review", "1")]
    assert [found.step for found in visits_of(calls)] == ["review", "resolve", "review"]


def test_calls_without_a_time_count_as_older_in_the_order_of_their_ledger() -> None:
    calls = [row(cost="3", at=1), row(cost="1", at=None), row(cost="2", at=None)]
    assert [found.cost_usd for found in visits_of(calls)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("count", "low", "middle", "high", "expected"),
    [(3, 1, 2, 3, 0.5), (8, 1, 5, 8, 7 / 9), (9, 1, 5, 9, 0.8), (19, 2, 10, 18, 0.8)],
)
def test_known_ranges(count: int, low: int, middle: int, high: int, expected: float) -> None:
    values = [Decimal(number) for number in range(count, 0, -1)]
    found = spread(values, ("step",))
    assert found is not None
    assert found[:4] == (low, middle, high, count)
    assert found.expected == pytest.approx(expected)


@given(AMOUNTS)
def test_a_range_is_in_order_and_made_of_what_happened(values: list[Decimal]) -> None:
    found = spread(values, ())
    if len(values) < FEWEST:
        assert found is None
        return
    assert found is not None
    assert 0 <= found.low <= found.middle <= found.high
    assert set(found[:3]) <= set(values)
    assert spread(values[::-1], ()) == found
    within = sum(found.low <= value <= found.high for value in values)
    assert within >= 0.8 * len(values)


@pytest.mark.parametrize("count", [5, 9, 40])
def test_the_next_one_lies_within_as_often_as_expected(count: int) -> None:
    chance = random.Random(7)
    within, tries, expected = 0, 4000, 0.0
    for _ in range(tries):
        *values, coming = (Decimal(chance.lognormvariate(0, 1)) for _ in range(count + 1))
        found = spread(values, ())
        assert found is not None
        within += found.low <= coming <= found.high
        expected = found.expected
    assert within / tries == pytest.approx(expected, abs=0.03)


def test_the_providers_own_runs_count_and_others_only_without_them() -> None:
    codex = [visit(number, "1") for number in range(20)]
    claude = [visit(20 + number, "5", provider="claude", model="opus") for number in range(3)]
    own = in_range([*codex, *claude], Like("claude", "opus"))
    assert (own.middle, own.samples, own.alike_in) == (5, 3, ("step", "provider"))
    gone = in_range([*codex, *claude[1:]], Like("claude", "opus"))
    assert (gone.middle, gone.samples, gone.alike_in) == (1, 22, ("step",))
    assert Past(USD, codex[:2]).range_for(Like("codex")) is None


def test_the_models_own_runs_count_when_there_are_enough() -> None:
    small = [visit(number, "1", model="mini") for number in range(9)]
    large = [visit(10 + number, "5", model="max") for number in range(8)]
    assert in_range(small + large, Like("codex", "mini")).high == 1
    assert in_range(small + large, Like("codex", "mini")).alike_in == ("step", "provider", "model")
    assert in_range(small + large, Like("codex", "max")).alike_in == ("step", "provider")


def test_prompts_of_a_size_count_when_there_are_enough() -> None:
    sizes = [100, 199, 200, 400, 401] * 9
    costs = {100: "1", 199: "9", 200: "2", 400: "3", 401: "9"}
    visits = [
        visit(number, costs[size], prompt_bytes=size * 10) for number, size in enumerate(sizes)
    ]
    found = in_range(visits, Like("codex", None, 2000))
    assert found.alike_in == ("step", "provider", "prompt size")
    assert (found.low, found.high, found.samples) == (1, 9, 36)
    assert in_range(visits, Like("codex", None, 8020)).samples == 9
    assert in_range(visits, Like("codex", None, 9_000)).alike_in == ("step", "provider")
    assert in_range(visits, Like("codex")).samples == 45


def test_only_the_latest_runs_count() -> None:
    visits = [visit(number, "9") for number in range(50)]
    visits += [visit(50 + number, "1") for number in range(LATEST)]
    assert in_range(visits, Like("codex")).high == 1


def test_runs_without_a_price_count_in_tokens_only() -> None:
    visits = [visit(number, None) for number in range(9)]
    assert Past(USD, visits).range_for(Like("codex")) is None
    found = Past(TOKENS, visits).range_for(Like("codex"))
    assert found is not None
    assert (found.low, found.middle, found.high) == (1000, 1004, 1008)


def whole(number: int, *costs: str, mender: str = "codex") -> list[Visit]:
    """A change: review, then resolve and review for each cost but the first."""
    at = 1_760_000_000 + number * 1000.0
    steps = ["review", *["resolve", "review"] * (len(costs) // 2)]
    return [
        visit(
            number,
            cost,
            step=step,
            provider=mender if step == "resolve" else "codex",
            started_at=at + 10 * place,
            ended_at=at + 10 * place + 5,
        )
        for place, (step, cost) in enumerate(zip(steps, costs, strict=True))
    ]


CHANGES = [
    whole(0, "1"),
    whole(1, "1", "10", "2"),
    whole(2, "2", "20", "4"),
    whole(3, "3", "30", "6", "60", "12"),
]
FINISHED = [f"change-{number}" for number in range(4)]


def totals(step: str, time: int) -> list[Decimal]:
    found = rests([part for change in CHANGES for part in change], FINISHED, step, time, USD)
    return [sum((rest.needs or {}).values(), Decimal(0)) for rest in found]


def test_a_rest_is_the_run_and_all_after_it() -> None:
    assert totals("review", 1) == [1, 13, 26, 111]
    assert totals("review", 2) == [2, 4, 78]
    assert totals("resolve", 1) == [12, 24, 108]
    assert totals("resolve", 2) == [12, 24, 108]  # one change alone came so far
    assert totals("archive", 1) == []


def test_a_change_that_is_not_finished_or_not_priced_tells_no_rest() -> None:
    visits = [part for change in CHANGES for part in change]
    assert len(rests(visits, FINISHED[1:], "review", 1, USD)) == 3
    unpriced = [*visits[:-1], visits[-1]._replace(cost_usd=None)]
    found = rests(unpriced, FINISHED, "review", 1, USD)
    assert [rest.needs is None for rest in found] == [False, False, False, True]
    past = range_of_rests(found, USD, {}, {})
    assert past is not None
    assert past[:4] == (1, 13, 26, 3)
    assert range_of_rests(rests(unpriced, FINISHED, "review", 1, TOKENS), TOKENS, {}, {}) != past


def test_another_provider_is_taken_in_proportion() -> None:
    visits = [
        part
        for number in range(5)
        for part in whole(number, "1", "10", "2", mender="claude" if number < 4 else "gemini")
    ]
    finished = [f"change-{number}" for number in range(5)]
    cheap = [visit(100 + number, "5", step="resolve", provider="gemini") for number in range(3)]
    steps = {"resolve": Past(USD, [one for one in [*visits, *cheap] if one.step == "resolve"])}
    found = rests(visits, finished, "review", 1, USD)
    as_paid = range_of_rests(found, USD, {"resolve": "claude"}, {})
    switched = range_of_rests(found, USD, {"resolve": "gemini"}, steps)
    unknown = range_of_rests(found, USD, {"resolve": "other"}, steps)
    assert as_paid is not None
    assert switched is not None
    assert as_paid.low == as_paid.high == 13
    assert (switched.low, switched.high) == (8, 13)
    assert unknown == as_paid


def test_what_a_provider_usually_needs_follows_its_runs() -> None:
    past = Past(USD, [visit(0, "1"), visit(1, "2")])
    assert past.usual("codex") is None
    past.add(visit(2, "3"))
    assert (past.usual("codex"), past.usual("claude")) == (2, None)


def test_what_cost_nothing_has_no_proportion() -> None:
    visits = [part for number in range(3) for part in whole(number, "1", "0", "2", mender="local")]
    paid = [visit(10 + number, "5", step="resolve", provider="claude") for number in range(3)]
    steps = {"resolve": Past(USD, [one for one in [*visits, *paid] if one.step == "resolve"])}
    found = rests(visits, ["change-0", "change-1", "change-2"], "review", 1, USD)
    switched = range_of_rests(found, USD, {"resolve": "claude"}, steps)
    assert switched is not None
    assert switched.high == 3


def test_only_the_latest_rests_count() -> None:
    visits = [visit(number, "9") for number in range(50)]
    visits += [visit(50 + number, "1") for number in range(LATEST)]
    found = rests(visits, [one.change_id for one in visits], "review", 1, USD)
    latest = range_of_rests(found, USD, {}, {})
    assert latest is not None
    assert (latest.samples, latest.high) == (LATEST, 1)
