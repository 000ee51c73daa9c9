"""What opencode says was used, on stdout and in its database: ``tokens`` of a step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentd.metering.usage import ModelUsage
from agentd.providers.fields import has_tokens, mapping, tokens

_FINISH = {"stop": "stop", "length": "length", "tool-calls": "tool", "content-filter": "refused"}


def read_usage(block: Mapping[str, Any]) -> ModelUsage:
    """Input comes without cached tokens, output without reasoning. Raises ParseError."""
    counts = has_tokens(block, "input", "output")
    cache, reasoning = mapping(counts.get("cache")), tokens(counts, "reasoning")
    read, written = tokens(cache, "read"), tokens(cache, "write")
    return ModelUsage(
        input_tokens=tokens(counts, "input") + read + written,
        output_tokens=tokens(counts, "output") + reasoning,
        cache_read_input_tokens=read,
        cache_creation_input_tokens=written,
        reasoning_output_tokens=reasoning,
    )


def finish_of(reason: object) -> str | None:
    """How an answer ended; None for "unknown": it was cut, and opencode goes on by itself."""
    return None if reason in (None, "unknown") else _FINISH.get(str(reason), "error")
