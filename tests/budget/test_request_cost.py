"""What a request will cost as a rule and at most, by the catalogue's prices and by one's own."""

from __future__ import annotations

from decimal import Decimal

import pytest
from support.gating import AT, MODEL, PRICES, answer, asked

from agentd.budget.account import Amount
from agentd.budget.request_cost import RequestCosts
from agentd.metering.output_limits import output_limit
from agentd.metering.pricing import PriceBook
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage

CATALOG = PriceBook(config=PRICES, sources=("config", "reported", "catalog"))


def costs(maker: str = "google", **typical: int) -> RequestCosts:
    found = RequestCosts(prices=CATALOG, maker=maker, reports_costs=True, at=AT)
    found.typical = {name.replace("_", "-"): tokens for name, tokens in typical.items()}
    return found


def test_a_typical_answer_is_the_median_and_never_more_than_the_request_allows() -> None:
    assert costs().expected(asked(), 1000) == Amount(Decimal(21), 3000)
    assert costs(m_1=500).expected(asked(), 1000) == Amount(Decimal(6), 1500)
    assert costs(m_1=500).expected(asked(output_limit=10), 1000) == Amount(Decimal("1.1"), 1010)


def test_what_was_estimated_teaches_nothing() -> None:
    known = costs()
    cut = answer(5, cache_creation_input_tokens=5, estimated=frozenset({"input_tokens"}))
    known.learn(asked(), [cut])
    assert known.expected(asked(), 1000).usd == 21


def test_conversations_are_told_apart() -> None:
    known = costs()
    wrote = answer(1000, cache_creation_input_tokens=1000)
    known.learn(asked(conversation="x"), [wrote], 4000 * b"x")
    assert known.expected(asked(conversation="x"), 1000).usd == Decimal("20.1")
    assert known.expected(asked(conversation="y"), 1000).usd == 21
    assert known.at_most(asked(), 4000 * b"x").tokens == 1100
    assert known.at_most(asked(), 4000 * b"y").tokens == 4400
    assert known.at_most(asked(model="m-2"), 4000 * b"x").tokens == 4400


def test_at_most_is_the_dearest_rate_with_the_tier_of_a_long_input() -> None:
    """claude writes to a one-hour cache at twice the price of its input."""
    opus = costs("anthropic").at_most(asked(100_000, model="claude-opus-5-5", output_limit=1000))
    price = CATALOG.quote("claude-opus-5-5", at=AT)
    assert price is not None
    rates = price.price.for_request(110_000)
    dearest = ModelUsage(
        input_tokens=110_000,
        output_tokens=1000,
        cache_creation_input_tokens=110_000,
        cache_creation_1h_input_tokens=110_000,
    )
    assert opus == Amount(rates.cost_usd(dearest), 111_000)
    assert rates.cost_usd(dearest) > rates.cost_usd(
        ModelUsage(input_tokens=110_000, output_tokens=1000)
    )
    # A long input: every token is dearer.
    tiers = costs("openai")
    short, long = (
        tiers.at_most(asked(size, model="gpt-6.1-sol", output_limit=1)).usd
        for size in (100_000, 300_000)
    )
    assert long > short * 3


def test_who_has_a_price() -> None:
    known = costs("anthropic")
    assert known.has_price(MODEL)
    assert known.has_price("claude-opus-5-5")
    assert known.has_price("gpt-oss:20b")  # it runs here, and costs nothing
    assert not known.has_price("claude-of-tomorrow-9")
    assert known.is_reported("claude-of-tomorrow-9")
    assert not known.is_reported("m-of-somebody-else")


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("gpt-6.1-sol", 128_000),
        ("openai/gpt-5-pro-2026-01-01", 272_000),
        ("gpt-5.6", 128_000),
        ("gemini-3-flash-preview", 65_536),
        ("gpt-60", None),
        ("gpt-7-sol", None),
        ("unknown", None),
    ],
)
def test_the_longest_answers(model: str, tokens: int | None) -> None:
    assert output_limit(model) == tokens


def test_a_local_model_needs_a_longest_answer_only_under_a_limit_in_tokens() -> None:
    local = asked(model="gpt-oss:20b")
    assert costs().has_longest_answer(local, limits_tokens=False)
    assert not costs().has_longest_answer(local, limits_tokens=True)


def test_what_was_used_is_what_the_ledger_will_say() -> None:
    requests = [answer(), ApiRequest(model="gpt-6-luna", usage=ModelUsage(input_tokens=10**6))]
    used = costs("openai").used(requests)
    luna = CATALOG.quote("gpt-6-luna", at=AT)
    assert luna is not None
    assert used.usd == 2 + luna.price.for_request(10**6).cost_per_1m_input
    assert used.tokens == 1_001_100
