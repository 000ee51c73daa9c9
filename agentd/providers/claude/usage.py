"""What claude says was used: of a message, and of a model in a whole run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentd.metering.dialects import anthropic
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage
from agentd.providers.fields import has_tokens, mapping, money, text, tokens


def of_model(usage: Mapping[str, Any]) -> ModelUsage:
    """One entry of ``modelUsage``. The price of a model unknown to claude is invented: left out.

    Raises ParseError when it is malformed.
    """
    has_tokens(usage, "inputTokens", "outputTokens")
    read = tokens(usage, "cacheReadInputTokens")
    written = tokens(usage, "cacheCreationInputTokens")
    return ModelUsage(
        input_tokens=tokens(usage, "inputTokens") + read + written,
        output_tokens=tokens(usage, "outputTokens"),
        cache_read_input_tokens=read,
        cache_creation_input_tokens=written,
        reasoning_output_tokens=tokens(usage, "thinkingTokens"),
        cache_creation_1h_input_tokens=tokens(usage, "cacheCreationEphemeral1hInputTokens"),
        web_searches=tokens(usage, "webSearchRequests"),
        reported_cost_usd=None if usage.get("costBasis") == "unknown" else money(usage, "costUSD"),
    )


def of_message(usage: Mapping[str, Any]) -> ModelUsage:
    """The usage of a message, as the API tells it: cached tokens stand beside the input.

    On stdout and in the session log alike. Raises ParseError when it is malformed.
    """
    read = tokens(usage, "cache_read_input_tokens")
    written = tokens(usage, "cache_creation_input_tokens")
    return ModelUsage(
        input_tokens=tokens(usage, "input_tokens") + read + written,
        output_tokens=tokens(usage, "output_tokens"),
        cache_read_input_tokens=read,
        cache_creation_input_tokens=written,
        reasoning_output_tokens=tokens(
            mapping(usage.get("output_tokens_details")), "thinking_tokens"
        ),
        cache_creation_1h_input_tokens=tokens(
            mapping(usage.get("cache_creation")), "ephemeral_1h_input_tokens"
        ),
        web_searches=tokens(mapping(usage.get("server_tool_use")), "web_search_requests"),
        variants=anthropic.variants_of(usage),
    )


def requests_of(request: ApiRequest, usage: Mapping[str, Any]) -> list[ApiRequest]:
    """A message's request with its usage, and what is billed beside it (an advisor's answers).

    Raises ParseError when the usage is malformed.
    """
    of_message(usage)
    return anthropic.billed(request, usage)


def finish_of(message: Mapping[str, Any]) -> str | None:
    """How a message ended, as ``ApiRequest.finish``; None when it does not say so.

    claude makes up the end of a message that was interrupted, without a reason (2.1.330).
    """
    reason = text(message.get("stop_reason"))
    return anthropic.FINISH.get(reason, "stop") if reason else None
