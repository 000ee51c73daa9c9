"""What the loopback API serves, and what STATE.yaml must say of it, to the last digit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from loopback.scenario import Step

from agentd.metering.usage import ModelUsage, add

TOKEN_KEYS = {
    "tokens_in": "input_tokens",
    "tokens_out": "output_tokens",
    "tokens_cache_read": "cache_read_input_tokens",
    "tokens_cache_write": "cache_creation_input_tokens",
    "tokens_reasoning": "reasoning_output_tokens",
}
# USD per 1,000,000 tokens: input, output, cache read, cache write. Primes, so that a price that
# is taken for another shows.
PRICES: Mapping[str, tuple[str, str, str, str]] = {
    "claude-opus-5-5": ("5.03", "23.09", "0.47", "6.11"),
    "claude-sonnet-5-5": ("3.07", "15.11", "0.31", "3.79"),
    "claude-haiku-5-5": ("1.01", "4.93", "0.103", "1.27"),
    "claude-sonnet-5": ("3.19", "15.23", "0.37", "3.83"),
    "claude-haiku-4-5": ("1.03", "5.03", "0.107", "1.31"),
    "claude-haiku-4-5-20251001": ("1.09", "5.09", "0.109", "1.37"),
    "gpt-6.1-sol": ("1.27", "10.07", "0.127", "1.27"),
    "gpt-6-luna": ("0.29", "2.03", "0.029", "0.29"),
    "gemini-3-flash-preview": ("0.53", "3.07", "0.053", "0.53"),
    "gemini-3.8-flash": ("0.59", "3.49", "0.059", "0.59"),
    "qwen3.8-max": ("2.11", "6.13", "0.269", "2.11"),
    "qwen3.7-plus": ("0.331", "1.31", "0.067", "0.331"),
    "qwen3.8-flash": ("0.151", "0.479", "0.017", "0.151"),
    "gemini-3.5-flash-lite": ("0.13", "0.43", "0.013", "0.13"),
}

USD_PER_1K_WEB_SEARCHES = "9.7"
FAST_MODE = ("claude-opus-5-5", "10.07", "46.19")
"""A model with prices of its own in fast mode: input and output."""


@dataclass
class Served:
    """Usages that differ in every number, so that one counted twice or left out shows."""

    number: int = 0

    def step(self, cli: str, **answer: Any) -> Step:
        """One answer of the API that ``cli`` talks to."""
        self.number += 1
        n = self.number
        usage = ModelUsage(
            input_tokens=4000 + 101 * n,
            output_tokens=300 + 11 * n,
            cache_read_input_tokens=1000 + 7 * n,
            cache_creation_input_tokens=500 + 3 * n if cli == "claude" else 0,
            reasoning_output_tokens=100 + 5 * n,
        )
        prompt = 13 + n if cli == "gemini" else 0
        return Step(usage=usage, tool_prompt_tokens=prompt, **answer)


def tokens(usage: ModelUsage) -> dict[str, str]:
    """A usage as STATE.yaml writes it: cache and reasoning only where there are any."""
    counts = {key: getattr(usage, name) for key, name in TOKEN_KEYS.items()}
    return {k: str(n) for k, n in counts.items() if n or k in ("tokens_in", "tokens_out")}


def cost_usd(model: str, usage: ModelUsage, *, fast: bool = False) -> Decimal:
    """What a usage costs, computed as one would by hand."""
    price_in, price_out, price_read, price_write = map(Decimal, PRICES[model])
    if fast:
        assert model == FAST_MODE[0]
        price_in, price_out = map(Decimal, FAST_MODE[1:])
    read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    plain = usage.input_tokens - read - written
    whole = plain * price_in + read * price_read + written * price_write
    return (whole + usage.output_tokens * price_out) / 1_000_000


def check_call(
    call: Mapping[str, Any],
    served: Mapping[str, ModelUsage],
    *,
    status: str,
    provider: str,
    model: str,
) -> None:
    """The entry says what was served, by model, and what it costs by the config's prices."""
    costs = {name: cost_usd(name, usage) for name, usage in served.items()}
    told = {key: call[key] for key in TOKEN_KEYS if key in call}
    expected = tokens(add(served.values()))
    assert told == expected, (dict(call), expected)  # pytest explains asserts of tests only
    assert Decimal(call["cost_usd"]) == sum(costs.values())
    assert (call["status"], call["cost_source"]) == (status, "config")
    assert (call["provider"], call["model"]) == (provider, model)
    assert (call["accuracy"], bool(call["session_id"])) == ("exact", True)
    parts = {part["model"]: part for part in call.get("models", [])}
    assert set(parts) == (set(served) if len(served) > 1 else set())
    for name, part in parts.items():
        assert {key: part[key] for key in TOKEN_KEYS if key in part} == tokens(served[name])
        assert Decimal(part["cost_usd"]) == costs[name]
