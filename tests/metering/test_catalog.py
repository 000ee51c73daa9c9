"""The price catalogue: which names it may price, and at which prices."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agentd.metering import catalog
from agentd.metering.usage import ModelUsage

AT = datetime(2026, 11, 22, tzinfo=UTC)
CLAUDE = Path(__file__).parents[2] / "fixtures" / "recordings" / "claude"


@pytest.mark.parametrize(
    ("maker", "model", "found"),
    [
        ("anthropic", "claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("anthropic", "claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
        ("anthropic", "claude-sonnet-4-5[1m]", "claude-sonnet-4-5"),
        ("anthropic", "Claude-Sonnet-4-5", "claude-sonnet-4-5"),
        ("anthropic", "anthropic/claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("anthropic", "claude-sonnet-4-20250514", "claude-sonnet-4-0"),
        ("anthropic", "claude-3-5-haiku-20241022", "claude-3-5-haiku-latest"),
        ("openai", "gpt-5", "gpt-5"),
        ("openai", "gpt-5-2025-08-07", "gpt-5"),
        ("openai", "gpt-5-latest", "gpt-5"),
        ("openai", "openai/gpt-5", "gpt-5"),
        # the catalogue spells these out as names of that model
        ("openai", "gpt-5-codex", "gpt-5"),
        ("openai", "gpt-5.1-codex-max", "gpt-5.1"),
        ("openai", "gpt-5.5-codex", "gpt-5.5"),
        ("openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13"),
        ("google", "models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("google", "gemini-2.5-pro-preview-06-05", "gemini-2.5-pro"),
        ("google", "gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"),
        # a preview with a price of its own
        ("google", "gemini-2.5-flash-preview-05-20", "gemini-2.5-flash-preview"),
        ("google", "gemini-2.0-flash-001", "gemini-2.0-flash"),
        ("google", "gemini-3.1-pro-preview-customtools", "gemini-3.1-pro-preview"),
        (None, "gemini-2.5-pro", "gemini-2.5-pro"),
        (None, "gpt-5", "gpt-5"),
        ("", "claude-opus-4-5", "claude-opus-4-5"),
        # unknown: genai-prices itself would price the next four as a model that they begin with
        ("anthropic", "claude-opus-4-50", None),
        ("anthropic", "claude-sonnet-4-5-my-fork", None),
        ("anthropic", "claude-opus-4-5-thinking", None),
        ("google", "gemini-2.5-pro-foo", None),
        ("anthropic", "claude-opus-9", None),
        ("anthropic", "my-own-model", None),
        # another maker's model, whatever the CLI
        ("anthropic", "gpt-5", "gpt-5"),
        ("anthropic", "glm-4.6", "GLM-4.6"),
        ("anthropic", "kimi-k2-0905-preview", "kimi-k2-0905-preview"),
        ("anthropic", "qwen3-coder", None),
        ("openai", "gpt-99-foo", None),
        ("openai", "gpt-5-codex-mini", None),
        ("openai", "claude-opus-4-5", "claude-opus-4-5"),
        ("google", "gemini-9-pro", None),
        ("google", "gemini-2.5", None),
        ("google", "", None),
        ("openai", "text-embedding-3-small", "text-embedding-3-small"),
        ("openai", "gpt-image-0", None),
    ],
)
def test_a_name_is_priced_only_as_itself(maker: str | None, model: str, found: str | None) -> None:
    price = catalog.lookup(model, maker=maker, at=AT)
    assert (price.model_id if price else None) == found


def test_tiers() -> None:
    price = catalog.lookup("claude-sonnet-4-5", maker="anthropic", at=AT)
    assert price is not None
    for input_tokens, expected in (
        (0, ("3", "15", "0.3", "3.75", "6")),
        (200_000, ("3", "15", "0.3", "3.75", "6")),
        (200_001, ("6", "22.5", "0.6", "7.5", "12")),
    ):
        rates = price.for_request(input_tokens)
        assert (
            rates.cost_per_1m_input,
            rates.cost_per_1m_output,
            rates.cost_per_1m_cache_read,
            rates.cost_per_1m_cache_write,
            rates.cost_per_1m_cache_write_1h,
        ) == tuple(map(Decimal, expected))


@pytest.mark.parametrize(
    ("at", "tiers", "input_usd"),
    [
        (datetime(2026, 3, 12, tzinfo=UTC), [200_000], 5),
        (datetime(2026, 3, 13, tzinfo=UTC), [], 5),
    ],
)
def test_dated_tiers(at: datetime, tiers: list[int], input_usd: int) -> None:
    price = catalog.lookup("claude-opus-4-6", maker="anthropic", at=at)
    assert price is not None
    assert [above for above, _ in price.tiers] == tiers
    assert price.base.cost_per_1m_input == input_usd


def _reported() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """What claude itself said each model cost, except for models that it did not know."""
    for stdout in sorted(CLAUDE.glob("*/*/stdout")):
        for line in stdout.read_text(errors="replace").splitlines():
            try:
                document = json.loads(line)
            except ValueError:
                continue
            for event in document if isinstance(document, list) else [document]:
                if isinstance(event, dict) and event.get("type") == "result":
                    for model, usage in event.get("modelUsage", {}).items():
                        if usage.get("costBasis") != "unknown":
                            yield f"{stdout.parent.name}", model, usage


def test_the_catalogue_agrees_with_claudes_own_figures() -> None:
    seen = 0
    for recording, model, said in _reported():
        read, write = said["cacheReadInputTokens"], said["cacheCreationInputTokens"]
        usage = ModelUsage(
            input_tokens=said["inputTokens"] + read + write,
            output_tokens=said["outputTokens"],
            cache_read_input_tokens=read,
            cache_creation_input_tokens=write,
            cache_creation_1h_input_tokens=said.get("cacheCreationEphemeral1hInputTokens", 0),
        )
        price = catalog.lookup(model, maker="anthropic", at=AT)
        assert price is not None, model
        # claude adds up binary floats: 0.0011970499999999999
        assert abs(price.base.cost_usd(usage) - Decimal(repr(said["costUSD"]))) < Decimal(
            "1e-12"
        ), recording
        seen += 1
    assert seen >= 60


def test_the_catalogue_is_loaded_only_when_a_price_is_looked_up() -> None:
    modules = "pricing, catalog, models, totals, money"
    code = (
        f"import sys; from agentd.metering import {modules}; print('genai_prices' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_price_is_looked_up_without_an_http_client() -> None:
    """genai-prices loads one, and whoever imports it later gets all of it all the same."""
    script = (
        "import sys; from datetime import UTC, datetime; from agentd.metering import catalog\n"
        "assert catalog.lookup('gpt-5', maker='openai', at=datetime.now(UTC))\n"
        "print([m for m in ('httpx2', 'httpx', 'asyncio', 'genai_prices') if m in sys.modules])\n"
        "import genai_prices\n"
        "print(callable(genai_prices.calc_price))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\nTrue\n"
