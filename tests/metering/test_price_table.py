"""A table of the catalogue's prices says what the catalogue says, without loading it."""

from __future__ import annotations

import base64
import pickle
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from agentd.metering.catalog import lookup, spelled_names
from agentd.metering.price_table import VARIANTS, PriceTable
from agentd.metering.pricing import PriceBook
from agentd.metering.rates import PricingConfig
from agentd.metering.usage import UsageMetrics
from agentd.metering.variants import Variants

AT = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize("maker", ["anthropic", "openai", "google"])
def test_it_says_what_the_catalogue_says(maker: str) -> None:
    table = PriceTable.of(maker, AT)
    names = spelled_names(maker)
    dated = {f"{name}{end}" for name in names for end in ("-20260929", "-2026-09-29", "-latest")}
    others = {"bedrock/us.anthropic.claude-opus-4-5-v1:0", "openrouter/openai/gpt-5", "nobody-1"}
    for name in names | dated | others:
        for variants in ((), *VARIANTS.get(maker, ()), (("geo", "eu"),)):
            found = lookup(name, maker=maker, at=AT, variants=variants)
            assert table.lookup(name, maker, AT, variants) == found, (name, variants)


CODE = """
import base64, pickle, sys
book, usage, at = pickle.loads(base64.b64decode(sys.stdin.buffer.read()))
print(book.price(usage, maker="openai", model="gpt-6.1-sol", at=at).cost_usd)
print("genai_prices.data_snapshot" in sys.modules)
"""


@pytest.mark.parametrize("variants", [(), (("service_tier", "priority"),)])
def test_another_process_prices_by_it_and_loads_no_catalogue(variants: Variants) -> None:
    own = {"mine": PricingConfig(cost_per_1m_input=7, cost_per_1m_output=9)}
    book = PriceBook(config=own, sources=("config", "reported", "catalog"))
    usage = UsageMetrics(input_tokens=300_000, output_tokens=1000, cache_read_input_tokens=5)
    usage = replace(usage, variants=variants)
    handed = book.handed_over("gpt-6.1-sol", maker="openai", at=AT)
    given = base64.b64encode(pickle.dumps((handed, usage, AT)))
    done = subprocess.run(
        [sys.executable, "-c", CODE], input=given, capture_output=True, check=True
    )
    cost, loaded = done.stdout.decode().split()
    expected = book.price(usage, maker="openai", model="gpt-6.1-sol", at=AT)
    assert (Decimal(cost), loaded) == (expected.cost_usd, "False")
    assert handed.price(usage, maker="openai", model="mine", at=AT).cost_source == "config"
