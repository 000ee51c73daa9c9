"""Costs of current models, worked out by hand from the figures of genai-prices' data.

The figures stand above each row, in USD per 1,000,000 tokens as input/output/cached. Costs are of

- plain: 1,000 in, 500 out; gpt-4o: 1000 * 2.5 + 500 * 10 = 7500 millionths of a dollar
- cached: 10,000 in, 8,000 of them cached, 1,000 out; gpt-4o: 2000 * 2.5 + 8000 * 1.25 + 1000 * 10
- long: 300,000 in, 100,000 of them cached, 2,000 out, at the long-context figures if there are any
- dated: as cached, on that day
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from agentd.metering.pricing import PriceBook
from agentd.metering.quote import calculate_cost
from agentd.metering.usage import ModelUsage, run_usage

AT = datetime(2026, 11, 25, tzinfo=UTC)
PLAIN = ModelUsage(input_tokens=1_000, output_tokens=500)
CACHED = ModelUsage(input_tokens=10_000, output_tokens=1_000, cache_read_input_tokens=8_000)
LONG = ModelUsage(input_tokens=300_000, output_tokens=2_000, cache_read_input_tokens=100_000)

# fmt: off
COSTS_USD = [
    # model, plain, cached, long, day, dated
    # 2.5/10/1.25
    ("gpt-4o", "0.0075", "0.025", "0.645", "2026-11-01", "0.025"),
    # 0.15/0.6/0.075
    ("gpt-4o-mini", "0.00045", "0.0015", "0.0387", "2026-11-01", "0.0015"),
    # 2/8/0.5
    ("gpt-4.1", "0.006", "0.016", "0.466", "2026-11-01", "0.016"),
    # 0.4/1.6/0.1
    ("gpt-4.1-mini", "0.0012", "0.0032", "0.0932", "2026-11-01", "0.0032"),
    # 1.25/10/0.125
    ("gpt-5", "0.00625", "0.0135", "0.2825", "2026-11-01", "0.0135"),
    # 0.25/2/0.025
    ("gpt-5-mini", "0.00125", "0.0027", "0.0565", "2026-11-01", "0.0027"),
    # 0.05/0.4/0.005
    ("gpt-5-nano", "0.00025", "0.00054", "0.0113", "2026-11-01", "0.00054"),
    # 1.25/10/0.125
    ("gpt-5.1", "0.00625", "0.0135", "0.2825", "2026-11-01", "0.0135"),
    # 1.75/14/0.175
    ("gpt-5.2", "0.00875", "0.0189", "0.3955", "2026-11-01", "0.0189"),
    # 1.75/14/0.175
    ("gpt-5.3-codex", "0.00875", "0.0189", "0.3955", "2026-11-01", "0.0189"),
    # 2.5/15/0.25; long 5/22.5/0.5
    ("gpt-5.4", "0.01", "0.022", "1.095", "2026-11-01", "0.022"),
    # 0.75/4.5/0.075
    ("gpt-5.4-mini", "0.003", "0.0066", "0.1665", "2026-11-01", "0.0066"),
    # 5/30/0.5; long 10/45/1
    ("gpt-5.5", "0.02", "0.044", "2.19", "2026-11-01", "0.044"),
    # 0.2/1.2/0.02; long 0.4/1.8/0.04; on that day 1/6/0.1
    ("gpt-5.6-luna", "0.0008", "0.00176", "0.0876", "2026-07-29", "0.0088"),
    # 4/20/0.4; long 8/30/0.8; on that day 5/30/0.5
    ("gpt-5.6-sol", "0.014", "0.0312", "1.74", "2026-08-20", "0.044"),
    # 2/10/0.2; long 4/15/0.4
    ("gpt-6-sol", "0.007", "0.0156", "0.87", "2026-11-01", "0.0156"),
    # 1/5/0.05; long 2/7.5/0.1
    ("gpt-6.1-terra", "0.0035", "0.0074", "0.425", "2026-11-01", "0.0074"),
    # 2/8/0.5; on that day 10/40/0.5
    ("o3", "0.006", "0.016", "0.466", "2025-06-09", "0.064"),
    # 1.1/4.4/0.275
    ("o4-mini", "0.0033", "0.0088", "0.2563", "2026-11-01", "0.0088"),
    # 1/5/0.1
    ("claude-haiku-4-5", "0.0035", "0.0078", "0.22", "2026-11-01", "0.0078"),
    # 0.1/0.5/0.01; long 0.5/2.5/0.05
    ("claude-haiku-5-5", "0.00035", "0.00078", "0.11", "2026-11-01", "0.00078"),
    # 3/15/0.3; long 6/22.5/0.6
    ("claude-sonnet-4-5", "0.0105", "0.0234", "1.305", "2026-11-01", "0.0234"),
    # 3/15/0.3
    ("claude-sonnet-4-6", "0.0105", "0.0234", "0.66", "2026-11-01", "0.0234"),
    # 2/10/0.1
    ("claude-sonnet-5-5", "0.007", "0.0148", "0.43", "2026-11-01", "0.0148"),
    # 15/75/1.5
    ("claude-opus-4-1", "0.0525", "0.117", "3.3", "2026-11-01", "0.117"),
    # 5/25/0.5
    ("claude-opus-4-5", "0.0175", "0.039", "1.1", "2026-11-01", "0.039"),
    # 4/20/0.2
    ("claude-opus-5-5", "0.014", "0.0296", "0.86", "2026-11-01", "0.0296"),
    # 8/40/0.2
    ("claude-fable-5-2", "0.028", "0.0576", "1.7", "2026-11-01", "0.0576"),
    # 1.25/10/0.125; long 2.5/15/0.25
    ("gemini-2.5-pro", "0.00625", "0.0135", "0.555", "2026-11-01", "0.0135"),
    # 0.3/2.5/0.03
    ("gemini-2.5-flash", "0.00155", "0.00334", "0.068", "2026-11-01", "0.00334"),
    # 0.1/0.4/0.01
    ("gemini-2.5-flash-lite", "0.0003", "0.00068", "0.0218", "2026-11-01", "0.00068"),
    # 0.5/3/0.05
    ("gemini-3-flash-preview", "0.002", "0.0044", "0.111", "2026-11-01", "0.0044"),
    # 2/12/0.2; long 4/18/0.4
    ("gemini-3.1-pro-preview", "0.008", "0.0176", "0.876", "2026-11-01", "0.0176"),
    # 1.5/9/0.15
    ("gemini-3.5-flash", "0.006", "0.0132", "0.333", "2026-11-01", "0.0132"),
    # 0.75/3.75/0.075; on that day 1.5/7.5/0.15
    ("gemini-3.8-flash", "0.002625", "0.00585", "0.165", "2027-01-01", "0.0117"),
    # 2/10/0.1; on that day 4/20/0.2
    ("gemini-4-argon", "0.007", "0.0148", "0.43", "2026-12-01", "0.0296"),
]
# fmt: on


def test_there_are_thirty_models_of_three_makers() -> None:
    names = {row[0] for row in COSTS_USD}
    assert len(names) == len(COSTS_USD) >= 30
    for maker in ("gpt-", "claude-", "gemini-"):
        assert sum(name.startswith(maker) for name in names) >= 8


@pytest.mark.parametrize(("model", "plain", "cached", "long", "day", "dated"), COSTS_USD)
def test_costs_by_hand(
    model: str, plain: str, cached: str, long: str, day: str, dated: str
) -> None:
    on_day = datetime.fromisoformat(day).replace(tzinfo=UTC)
    cases = ((PLAIN, AT, plain), (CACHED, AT, cached), (LONG, AT, long), (CACHED, on_day, dated))
    book = PriceBook(config={}, sources=("catalog",))
    for usage, at, expected in cases:
        assert calculate_cost(usage, model, at=at).total_usd == Decimal(expected)
        quote = book.quote(model, at=at)
        assert quote is not None
        assert quote.cost(usage).total_usd == Decimal(expected)
        run = run_usage({model: usage}, requests=((model, usage),))
        call = book.price(run, maker=None, model=model, at=at)
        assert (call.cost_usd, call.cost_source) == (Decimal(expected), "catalog")


# claude's cache writes: 100,000 in, of which 60,000 are written for five minutes and 20,000 for an
# hour; sonnet 4.5: 20000 * 3 + 60000 * 3.75 + 20000 * 6, each in millionths of a dollar
@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("claude-sonnet-4-5", "0.405"),  # 60000 + 225000 + 120000
        ("claude-opus-4-5", "0.675"),  # 20000 * 5 + 60000 * 6.25 + 20000 * 10
        ("claude-haiku-4-5", "0.135"),  # 20000 * 1 + 60000 * 1.25 + 20000 * 2
        ("gpt-6-sol", "0.24"),  # 20000 * 2 + 80000 * 2.5: one price for all cache writes
        ("gemini-2.5-flash", "0.03"),  # 100000 * 0.3: no price for cache writes
    ],
)
def test_cache_writes_by_hand(model: str, expected: str) -> None:
    usage = ModelUsage(
        input_tokens=100_000,
        cache_creation_input_tokens=80_000,
        cache_creation_1h_input_tokens=20_000,
    )
    assert calculate_cost(usage, model, at=AT).total_usd == Decimal(expected)


# what OpenRouter, Bedrock and Azure take, where the name says that they serve the model
@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "0.01155"),  # 3.3/16.5: regional
        ("global.anthropic.claude-opus-4-5-20251101-v1:0", "0.0175"),  # 5/25
        ("openrouter/anthropic/claude-sonnet-4.5", "0.0105"),  # 3/15
        ("azure/gpt-4.1", "0.006"),  # 2/8
        ("ft:gpt-4o-2024-08-06:org::id", "0.01125"),  # 3.75/15: a fine-tuned gpt-4o
    ],
)
def test_hosts_by_hand(model: str, expected: str) -> None:
    assert calculate_cost(PLAIN, model, at=AT).total_usd == Decimal(expected)
