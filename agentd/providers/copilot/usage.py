"""What copilot says was used: a ``session.usage_record`` of its session log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from agentd.metering.requests import ApiRequest, Thread
from agentd.metering.usage import ModelUsage
from agentd.providers.fields import has_tokens, text, tokens

_FINISH = {"stop": "stop", "length": "length", "tool_calls": "tool", "content_filter": "refused"}
_MAIN = "conversation-agent"


def request_of(block: Mapping[str, Any], ended_at: datetime, *, in_subagent: bool) -> ApiRequest:
    """One request; cached tokens are inside the input, reasoning is inside the output.

    Its input is missing where the API told no usage. Raises ParseError when it is malformed.
    """
    has_tokens(block, "inputTokens", "outputTokens")
    usage = ModelUsage(
        input_tokens=tokens(block, "inputTokens"),
        output_tokens=tokens(block, "outputTokens"),
        cache_read_input_tokens=tokens(block, "cacheReadTokens"),
        cache_creation_input_tokens=tokens(block, "cacheWriteTokens"),
        reasoning_output_tokens=tokens(block, "reasoningTokens"),
    )
    thread: Thread = "main" if block.get("interactionType") in (None, _MAIN) else "side"
    return ApiRequest(
        id=text(block.get("apiCallId")),
        model=text(block.get("model")) or "",
        usage=usage,
        finish=_FINISH.get(str(block.get("finishReason"))),
        ended=usage.input_tokens > 0,
        ended_at=ended_at,
        thread="subagent" if in_subagent else thread,
    )
