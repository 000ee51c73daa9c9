"""What pi says was used, on stdout and in its session log: ``usage`` of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage
from agentd.providers.fields import has_tokens, mapping, text, tokens

_FINISH = {"stop": "stop", "length": "length", "toolUse": "tool"}


def read_usage(block: Mapping[str, Any]) -> ModelUsage:
    """Input comes without cached tokens, output with reasoning. Raises ParseError."""
    counts = has_tokens(block, "input", "output")
    read, written = tokens(counts, "cacheRead"), tokens(counts, "cacheWrite")
    return ModelUsage(
        input_tokens=tokens(counts, "input") + read + written,
        output_tokens=tokens(counts, "output"),
        cache_read_input_tokens=read,
        cache_creation_input_tokens=written,
        cache_creation_1h_input_tokens=tokens(counts, "cacheWrite1h"),
        reasoning_output_tokens=tokens(counts, "reasoning"),
    )


def request_of(message: Mapping[str, Any]) -> ApiRequest:
    """An answer of the model; its finish is None while it is under way, and when it was cut."""
    finish = _FINISH.get(str(message.get("stopReason")))
    usage = read_usage(mapping(message.get("usage")))
    return ApiRequest(
        id=text(message.get("responseId")),
        model=text(message.get("responseModel")) or text(message.get("model")) or "",
        usage=usage,
        finish=finish,
        ended=finish is not None and usage.input_tokens > 0,
    )
