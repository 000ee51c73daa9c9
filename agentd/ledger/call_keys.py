"""The keys of a call in STATE.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

Kind = Literal["text", "word", "count", "money", "time", "models"]

KEYS: Mapping[str, Kind] = {
    "id": "text",
    "step": "text",
    "provider": "text",
    "model": "text",
    "status": "word",
    "tokens_in": "count",
    "tokens_out": "count",
    "tokens_cache_read": "count",
    "tokens_cache_write": "count",
    "tokens_cache_write_1h": "count",
    "tokens_reasoning": "count",
    "cost_usd": "money",
    "cost_source": "word",
    "accuracy": "word",
    "why": "text",
    "usage_source": "word",
    "requests": "count",
    "duration_ms": "count",
    "timestamp": "time",
    "session_id": "text",
    "budget": "word",
    "models": "models",
}
"""Every key of a call that agentd knows, in the order in which it writes them."""

MODEL_KEYS = ("model", *list(KEYS)[5:13])
"""The keys of one item of ``models``: model, the token counts, cost_usd, cost_source."""

REQUIRED = ("step", "model", "tokens_in", "tokens_out", "cost_usd")
MODEL_REQUIRED = ("model", "tokens_in", "tokens_out", "cost_usd")


def guess_source(cost_usd: Decimal) -> Literal["config", "none"]:
    """Where a cost is from when the entry doesn't say: the original agentd had only its config."""
    return "config" if cost_usd else "none"
