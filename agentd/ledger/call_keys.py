"""The keys of a call in STATE.yaml, and the words that some of them hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Literal, get_args

from agentd.metering.words import Accuracy, CallStatus, CostSource, UsageSource

Kind = Literal["text", "word", "count", "money", "variants", "threads", "time", "models"]

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
    "web_searches": "count",
    "price_variant": "variants",
    "threads": "threads",
    "duration_ms": "count",
    "timestamp": "time",
    "session_id": "text",
    "budget": "word",
    "amended": "time",
    "models": "models",
}
"""Every key of a call that agentd knows, in the order in which it writes them."""

MODEL_KEYS = ("model", *list(KEYS)[5:13], "web_searches", "price_variant", "threads")
"""The keys of one item of ``models``: what it used, cost_usd, cost_source, at which price."""

REQUIRED = ("step", "model", "tokens_in", "tokens_out", "cost_usd")
MODEL_REQUIRED = ("model", "tokens_in", "tokens_out", "cost_usd")

WORDS = {
    "status": frozenset(get_args(CallStatus)),
    "cost_source": frozenset(get_args(CostSource)),
    "accuracy": frozenset(get_args(Accuracy)),
    "usage_source": frozenset(get_args(UsageSource)),
}


TOKEN_KEYS = (
    "tokens_in",
    "tokens_out",
    "tokens_cache_read",
    "tokens_cache_write",
    "tokens_reasoning",
    "tokens_cache_write_1h",
)
"""The ledger's names of ``ModelUsage.counts()``."""


def guess_source(cost_usd: Decimal) -> Literal["config", "none"]:
    """Where a cost is from when the entry doesn't say: the original agentd had only its config."""
    return "config" if cost_usd else "none"


def unknown_words(words: Callable[[str], set[str]]) -> set[tuple[str, str]]:
    """The keys and words that this agentd does not know; ``words`` gives those of a key."""
    return {(key, word) for key, known in WORDS.items() for word in words(key) - known}
