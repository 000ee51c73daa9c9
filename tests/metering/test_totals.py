"""Sums over calls, and how money is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from agentd.metering.call import CallRecord, PricedModel
from agentd.metering.money import usd
from agentd.metering.totals import Totals, by, summarise
from agentd.metering.usage import ModelUsage


def tokens(tokens_in: int, tokens_out: int) -> ModelUsage:
    return ModelUsage(
        input_tokens=tokens_in, output_tokens=tokens_out, cache_read_input_tokens=tokens_in
    )


FIRST = CallRecord(
    id="1",
    step="proposal",
    provider="gemini",
    model="gemini-3-flash-preview",
    status="ok",
    usage=tokens(100, 10),
    cost_usd=Decimal("0.1"),
    cost_source="config",
    accuracy="exact",
    usage_source="stdout",
    duration_ms=1,
    started_at=datetime(2026, 11, 22, tzinfo=UTC),
)
FREE = replace(
    FIRST, id="2", step="challenge", model="own", cost_usd=Decimal(0), cost_source="none"
)
NOTHING_SENT = replace(FREE, id="3", status="failed", usage=ModelUsage())
PARTLY = replace(
    FIRST,
    id="4",
    status="timeout",
    model="big",
    usage=tokens(1000, 200),
    cost_usd=Decimal("0.2"),
    cost_source="reported",
    models=(
        PricedModel(model="own", usage=tokens(300, 0), cost_usd=Decimal(0), cost_source="none"),
        PricedModel(
            model="big", usage=tokens(700, 200), cost_usd=Decimal("0.2"), cost_source="reported"
        ),
    ),
)
CALLS = [FIRST, FREE, NOTHING_SENT, PARTLY]


def totals(
    cost: str,
    tokens_in: int,
    tokens_out: int,
    calls: int,
    failed: int,
    unpriced: int,
    partial: int = 0,
) -> Totals:
    return Totals(
        total_cost_usd=Decimal(cost),
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        calls=calls,
        failed=failed,
        unpriced=unpriced,
        partial=partial,
    )


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([], totals("0", 0, 0, 0, 0, 0)),
        ([FIRST], totals("0.1", 100, 10, 1, 0, 0)),
        ([FREE], totals("0", 100, 10, 1, 0, 1)),
        ([NOTHING_SENT], totals("0", 0, 0, 1, 1, 0)),
        ([PARTLY], totals("0.2", 1000, 200, 1, 1, 1)),
        (CALLS, totals("0.3", 1200, 220, 4, 2, 2)),
    ],
)
def test_summarise(calls: list[CallRecord], expected: Totals) -> None:
    assert summarise(iter(calls)) == expected


def test_by_step() -> None:
    assert list(by(CALLS, "step").items()) == [
        ("proposal", totals("0.3", 1100, 210, 2, 1, 1)),
        ("challenge", totals("0", 100, 10, 2, 1, 1)),
    ]


def test_by_model_splits_calls_that_several_models_answered() -> None:
    assert list(by(iter(CALLS), "model").items()) == [
        ("gemini-3-flash-preview", totals("0.1", 100, 10, 1, 0, 0)),
        ("own", totals("0", 400, 10, 3, 2, 2)),
        ("big", totals("0.2", 700, 200, 1, 1, 0)),
    ]


def test_calls_of_which_something_is_not_known() -> None:
    cut = replace(FIRST, accuracy="heuristic")
    assert summarise([FIRST, cut]) == totals("0.2", 200, 20, 2, 0, 0, partial=1)


def test_a_sum_of_tenths_is_exact() -> None:
    assert summarise([FIRST] * 3).total_cost_usd == Decimal("0.3")


@pytest.mark.parametrize(
    ("amount", "digits", "expected"),
    [
        ("0", 4, "$0.0000"),
        ("0.00352315", 4, "$0.0035"),
        ("0.00345", 4, "$0.0035"),
        ("0.00005", 4, "$0.0001"),
        ("0.00004999", 4, "$0.000050"),  # what is not zero never reads as zero
        ("0.00000000028", 6, "$0.00000000028"),
        ("0.000028", 2, "$0.000028"),
        ("1234.5", 2, "$1,234.50"),
        ("2.5", 0, "$3"),
        ("1E+3", 2, "$1,000.00"),
        ("-1234567.891", 6, "-$1,234,567.891000"),
    ],
)
def test_usd(amount: str, digits: int, expected: str) -> None:
    assert usd(Decimal(amount), digits) == expected


def test_a_model_that_answered_at_two_prices_is_one_call_of_it() -> None:
    fast = PricedModel(
        model="own",
        usage=replace(tokens(1, 2), variants=(("speed", "fast"),)),
        cost_usd=Decimal(3),
        cost_source="catalog",
    )
    slow = replace(fast, usage=tokens(1, 2), cost_usd=Decimal(1))
    call = replace(FIRST, model="own", models=(fast, slow))
    summed = by([call], "model")["own"]
    assert (summed.calls, summed.total_cost_usd, summed.tokens_in) == (1, Decimal(4), 2)
    assert call.usage_by_model()["own"].counts()[:2] == (2, 4)
