"""What codex says was used."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentd.metering.usage import ModelUsage
from agentd.providers.fields import has_tokens, mapping, tokens


def read_usage(usage: Mapping[str, Any]) -> ModelUsage:
    """A usage block of stdout or of the session log: cached tokens and reasoning are inside.

    Raises ParseError when it is malformed.
    """
    has_tokens(usage, "input_tokens", "output_tokens")
    return ModelUsage(
        input_tokens=tokens(usage, "input_tokens"),
        output_tokens=tokens(usage, "output_tokens"),
        cache_read_input_tokens=tokens(usage, "cached_input_tokens"),
        cache_creation_input_tokens=tokens(usage, "cache_write_input_tokens"),
        reasoning_output_tokens=tokens(usage, "reasoning_output_tokens"),
    )


def is_billed_search(item: Mapping[str, Any]) -> bool:
    """Whether an item of stdout or of the session log is a web search, and not a look at a page."""
    if item.get("type") not in ("web_search", "web_search_call"):
        return False
    from agentd.metering.dialects.openai_responses import FREE_ACTIONS  # brings all dialects

    return mapping(item.get("action")).get("type") not in FREE_ACTIONS
