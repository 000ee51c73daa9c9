"""What qwen says was used: of an answer and of a session on stdout, of each request in its log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentd.metering.usage import ModelUsage
from agentd.providers.fields import has_tokens, tokens


def of_stdout(block: Mapping[str, Any]) -> ModelUsage:
    """A ``usage`` block: claude's names, but cached tokens are inside the input.

    Reasoning is inside the output, and not told. Raises ParseError when it is malformed.
    """
    has_tokens(block, "input_tokens", "output_tokens")
    return ModelUsage(
        input_tokens=tokens(block, "input_tokens"),
        output_tokens=tokens(block, "output_tokens"),
        cache_read_input_tokens=tokens(block, "cache_read_input_tokens"),
    )


def of_log(event: Mapping[str, Any]) -> ModelUsage:
    """An ``api_response`` of the session log: cached tokens are inside the input.

    Reasoning is inside the output, unless the total says that it stands beside it, as Gemini's API
    tells it. Raises ParseError when it is malformed.
    """
    has_tokens(event, "input_token_count", "output_token_count")
    given, answered = tokens(event, "input_token_count"), tokens(event, "output_token_count")
    reasoning = tokens(event, "thoughts_token_count")
    beside = tokens(event, "total_token_count") == given + answered + reasoning
    return ModelUsage(
        input_tokens=given,
        output_tokens=answered + (reasoning if beside else 0),
        cache_read_input_tokens=tokens(event, "cached_content_token_count"),
        reasoning_output_tokens=reasoning,
    )
