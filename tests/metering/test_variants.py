"""What changes a price besides tokens: variants, web searches, one-hour cache writes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from agentd.metering import catalog
from agentd.metering.pricing import PriceBook, PricedCall
from agentd.metering.quote import calculate_cost
from agentd.metering.rates import PricingConfig
from agentd.metering.requests import ApiRequest, usage_of_run
from agentd.metering.usage import ModelUsage, UsageMetrics, run_usage
from agentd.metering.variants import Variants, as_text, from_text, variants_of

AT = datetime(2026, 11, 29, tzinfo=UTC)
ALL = ("config", "reported", "catalog")
USED = ModelUsage(input_tokens=1000, output_tokens=1000)
FAST = (("speed", "fast"),)


def price(
    *requests: ApiRequest, maker: str = "anthropic", sources: tuple[str, ...] = ALL
) -> PricedCall:
    book = PriceBook(config={}, sources=sources)
    return book.price(usage_of_run(requests), maker=maker, model="unknown", at=AT)


def request(model: str, variants: Variants = (), *, searches: int = 0) -> ApiRequest:
    return ApiRequest(model=model, usage=USED, variants=variants, web_searches=searches)


def test_variants_are_written_in_one_order_and_read_in_any() -> None:
    told = variants_of({"geo": "us", "speed": "fast", "service_tier": "standard"})
    assert as_text(told) == "speed=fast,geo=us"
    assert from_text("geo=us,speed=fast") == from_text("speed=fast,geo=us") == told
    assert (as_text(()), from_text("")) == ("", ())
    assert as_text(from_text("fast")) == "fast"  # by hand, or of a newer agentd


@pytest.mark.parametrize(
    ("model", "variants", "searches", "cost"),
    [
        ("claude-opus-4-8", (), 0, "0.03"),
        ("claude-opus-4-8", FAST, 0, "0.06"),
        ("claude-opus-4-8", (), 3, "0.06"),  # $10 per 1,000
        ("claude-opus-4-8", FAST, 3, "0.09"),  # the fee is not doubled
        ("claude-opus-4-8", (("geo", "us"),), 3, "0.063"),  # 1.1 times the tokens
        ("claude-opus-4-8", (("geo", "us"), *FAST), 0, "0.066"),
        ("claude-opus-5-5", (("service_tier", "batch"),), 0, "0.012"),
        ("gemini-2.5-pro", (), 1, "0.04625"),  # $35 per 1,000 prompts
        ("gemini-3-pro-preview", (), 2, "0.042"),  # $14 per 1,000 queries
        ("gpt-5", (("service_tier", "priority"),), 0, "0.0225"),
        ("gpt-5", (("service_tier", "fast"),), 0, "0.0225"),
        ("gpt-5", (("service_tier", "flex"),), 0, "0.005625"),
    ],
)
def test_the_catalogue_has_prices_of_variants(
    model: str, variants: Variants, searches: int, cost: str
) -> None:
    call = price(request(model, variants, searches=searches))
    assert (call.cost_usd, call.why) == (Decimal(cost), None)
    assert (call.variants, call.web_searches) == (variants, searches)
    usage = replace(USED, variants=variants, web_searches=searches)
    assert calculate_cost(usage, model, at=AT).total_usd == Decimal(cost)


def test_what_has_no_price_is_told() -> None:
    call = price(request("claude-opus-4-8", (("service_tier", "priority"),)))
    assert call.cost_usd == Decimal("0.03")
    assert call.why == "claude-opus-4-8: no price for service_tier=priority"
    bedrock = price(request("us.anthropic.claude-opus-5-5", searches=1))
    assert bedrock.why == "us.anthropic.claude-opus-5-5: no price for web searches"


def test_a_run_of_several_variants_is_priced_request_by_request() -> None:
    call = price(request("claude-opus-4-8", FAST), request("claude-opus-4-8"))
    assert call.cost_usd == Decimal("0.09")
    assert [(part.usage.variants, part.cost_usd) for part in call.models] == [
        (FAST, Decimal("0.06")),
        ((), Decimal("0.03")),
    ]
    assert call.variants == ()


def test_prices_of_ones_own_have_variants_and_fees() -> None:
    rates = PricingConfig(
        cost_per_1m_input=1,
        cost_per_1m_output=2,
        cost_per_1k_web_searches=5,
        variants={"speed=fast": PricingConfig(cost_per_1m_input=10, cost_per_1m_output=20)},
    )
    book = PriceBook(config={"m": rates})

    def cost(one: ApiRequest) -> tuple[Decimal, str | None]:
        call = book.price(usage_of_run([one]), maker=None, model="m", at=AT)
        return call.cost_usd, call.why

    assert cost(request("m", searches=2)) == (Decimal("0.013"), None)
    assert cost(request("m", FAST)) == (Decimal("0.03"), None)
    assert cost(request("m", (("geo", "us"), *FAST))) == (
        Decimal("0.03"),
        "m: no price for geo=us",
    )
    assert cost(request("m", FAST, searches=1))[1] == "m: no price for web searches"


def test_a_long_request_has_the_price_of_the_long_context() -> None:
    short, long = (PricingConfig(cost_per_1m_input=n, cost_per_1m_output=0) for n in (1, 2))
    book = PriceBook(config={"claude-x": short, "claude-x[1m]": long})
    used = [ModelUsage(input_tokens=n) for n in (200_000, 200_001)]
    usage = usage_of_run([ApiRequest(model="claude-x", usage=one) for one in used])
    call = book.price(usage, maker="anthropic", model="claude-x", at=AT)
    assert call.cost_usd == Decimal("0.2") + Decimal("0.400002")


def reported(model: str, cost: str, usage: ModelUsage = USED) -> UsageMetrics:
    return run_usage({model: replace(usage, reported_cost_usd=Decimal(cost))})


@pytest.mark.parametrize(
    ("model", "told", "cost", "source"),
    [
        ("claude-opus-4-8", "0.03", "0.03", "reported"),
        ("claude-opus-4-8", "0.030000000000000002", "0.03", "reported"),
        # what an older claude makes up for a model that it does not know
        ("claude-haiku-5-5", "0.030000000000000002", "0.0006", "catalog"),
        ("glm-4.6", "0.024", "0.0028", "catalog"),  # another maker's
        ("us.anthropic.claude-opus-4-8", "0.03", "0.033", "catalog"),  # Bedrock's surcharge
        ("my-own-model", "0.03", "0", "none"),
        ("claude-opus-99", "0.03", "0.03", "reported"),  # nothing to check it by
    ],
)
def test_the_clis_own_figure_is_checked(model: str, told: str, cost: str, source: str) -> None:
    book = PriceBook(config={}, sources=ALL)
    call = book.price(reported(model, told), maker="anthropic", model=model, at=AT)
    assert (call.cost_usd, call.cost_source) == (Decimal(cost), source)


def test_a_figure_between_what_a_sum_may_have_cost_is_believed() -> None:
    book = PriceBook(config={}, sources=ALL)
    written = ModelUsage(input_tokens=1_000_000, cache_creation_input_tokens=1_000_000)
    for told in ("6.25", "10"):  # five minutes, one hour
        usage = reported("claude-opus-4-8", told, written)
        call = book.price(usage, maker="anthropic", model="claude-opus-4-8", at=AT)
        assert (call.cost_usd, call.cost_source) == (Decimal(told), "reported")


@pytest.mark.parametrize(
    ("model", "found", "input_usd"),
    [
        ("global.anthropic.claude-fable-5", "global.anthropic.claude-fable-5-v1:0", "10"),
        ("global.anthropic.claude-fable-5-v1:0", "global.anthropic.claude-fable-5-v1:0", "10"),
        ("global.anthropic.claude-opus-4-6-v1", "global.anthropic.claude-opus-4-6-v1:0", "5"),
        ("us.anthropic.claude-opus-4-6-v1", "regional.anthropic.claude-opus-4-6-v1:0", "5.5"),
        (
            "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "regional.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "3.3",
        ),
        ("us-gov.anthropic.claude-opus-4-8-v1", None, None),  # no price of its own is known
        ("global.anthropic.claude-3-haiku-20240307-v1:0", None, None),
        ("us.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0", "0.8"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/"
            "global.anthropic.claude-opus-5",
            "global.anthropic.claude-opus-5",
            "5",
        ),
        ("claude-opus-5@default", "claude-opus-5", "5"),
        ("chat-latest", "gpt-chat-latest", "5"),
        ("gpt-5.3-chat-latest", "gpt-5.3", "1.75"),
        ("ft:gpt-4o-2024-08-06:org::id", "ft:gpt-4o", "3.75"),
        ("ft:gpt-3.5-turbo-0125:org::id", "ft:gpt-3.5-turbo-", "3"),
        ("ft:gpt-4.1-2025-04-14:org::id", None, None),  # never the price of its base
        ("gpt-4o-mini-2024-07-18.ft-0123456789abcdef", "gpt-4o-mini-2024-07-18.ft-", "0.3"),
        ("text-embedding-3-small", "text-embedding-3-small", "0.02"),
        ("deepseek-v3", None, None),
    ],
)
def test_names_keep_what_their_price_depends_on(
    model: str, found: str | None, input_usd: str | None
) -> None:
    listed = catalog.lookup(model, maker=None, at=AT)
    assert (listed and listed.model_id) == found
    assert (listed and listed.base.cost_per_1m_input) == (input_usd and Decimal(input_usd))
