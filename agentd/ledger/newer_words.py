"""Words of a newer agentd in a call: kept as they are, and told."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from agentd.metering.words import Accuracy, CallStatus, CostSource, UsageSource

KNOWN = {
    "status": frozenset(get_args(CallStatus)),
    "cost_source": frozenset(get_args(CostSource)),
    "accuracy": frozenset(get_args(Accuracy)),
    "usage_source": frozenset(get_args(UsageSource)),
}


def unknown_words(words: Callable[[str], set[str]]) -> set[tuple[str, str]]:
    """The keys and words that this agentd does not know; ``words`` gives those of a key."""
    return {(key, word) for key, known in KNOWN.items() for word in words(key) - known}
