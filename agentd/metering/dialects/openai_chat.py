"""OpenAI Chat Completions, as many other servers speak it: ``POST .../chat/completions``.

The usage stands in whichever chunk a server puts it: with ``choices: []`` after the last one, or in
the one with the finish reason. Its last word counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agentd.metering.dialects.asked import Asked
from agentd.metering.dialects.fields import (
    amount_usd,
    is_told,
    items,
    malformed,
    mapping,
    text,
    tokens,
)
from agentd.metering.dialects.json_parts import Path
from agentd.metering.dialects.openai_responses import tier_of
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage
from agentd.metering.variants import variants_of

_FINISH = {
    "stop": "stop",
    "eos": "stop",
    "length": "length",
    "tool_calls": "tool",
    "function_call": "tool",
    "content_filter": "refused",
    "error": "error",
}


def claims(method: str, path: str) -> bool:
    """Whether a request of this path is billed, and answered in this dialect."""
    return method == "POST" and path.lower().endswith("/chat/completions")


def asked(path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Asked:
    """What the request asks for."""
    del path, headers
    limit = tokens(body, "max_completion_tokens") or tokens(body, "max_tokens")
    return Asked(
        model=text(body.get("model")),
        output_limit=limit * max(1, tokens(body, "n")) or None,
        server_tools="web_search_options" in body,
        variants=tier_of(body),
    )


class ChatReading:
    """Reads one answer."""

    every: tuple[Path, ...] = ()
    wanted: tuple[Path, ...] = (
        ("id",),
        ("model",),
        ("usage",),
        ("service_tier",),
        ("choices", "finish_reason"),
    )

    def __init__(self) -> None:
        self._id = self._model = self._tier = self._finish = ""
        self._usage: Mapping[str, Any] = {}

    def event(self, event: Mapping[str, Any]) -> str:
        """Take a chunk of the stream; returns the text that it adds."""
        self._take(event)
        choices = items(event.get("choices"))
        for choice in choices:
            self._finish = text(choice.get("finish_reason")) or self._finish
        return "".join(_text(mapping(choice.get("delta"))) for choice in choices)

    def whole(self, answer: Mapping[str, Any]) -> None:
        """Take an answer that is not streamed; ``choices`` holds the last finish reason."""
        self._take(answer)
        self._finish = text(mapping(answer.get("choices")).get("finish_reason"))

    @property
    def ended(self) -> bool:
        """Whether the API has told the final usage."""
        return bool(self._finish) and is_told(self._usage, "prompt_tokens", "completion_tokens")

    def requests(self) -> list[ApiRequest]:
        """The one request."""
        if not self._id and not self._usage:
            return []
        return [
            ApiRequest(
                id=self._id or None,
                model=self._model,
                usage=usage_of(self._usage),
                estimated=_unsure(self._usage),
                variants=variants_of({"service_tier": self._tier}),
                finish=_FINISH.get(self._finish, "stop") if self._finish else None,
                ended=self.ended,
            )
        ]

    def _take(self, answer: Mapping[str, Any]) -> None:
        self._id = text(answer.get("id")) or self._id
        self._model = text(answer.get("model")) or self._model
        self._tier = text(answer.get("service_tier")) or self._tier
        self._usage = mapping(answer.get("usage")) or self._usage


def _unsure(block: Mapping[str, Any]) -> frozenset[str]:
    details = mapping(block.get("prompt_tokens_details"))
    return malformed(
        ("input_tokens", block, ("prompt_tokens", "prompt_cache_hit_tokens")),
        ("input_tokens", details, ("cached_tokens", "cache_write_tokens")),
        ("output_tokens", block, ("completion_tokens",)),
    )


def usage_of(block: Mapping[str, Any]) -> ModelUsage:
    """A usage block, where cached tokens are part of the prompt and reasoning of the completion."""
    prompt = mapping(block.get("prompt_tokens_details"))
    cached = tokens(prompt, "cached_tokens") or tokens(block, "prompt_cache_hit_tokens")
    return ModelUsage(
        input_tokens=tokens(block, "prompt_tokens"),
        output_tokens=tokens(block, "completion_tokens"),
        cache_read_input_tokens=cached,
        cache_creation_input_tokens=tokens(prompt, "cache_write_tokens"),
        reasoning_output_tokens=tokens(
            mapping(block.get("completion_tokens_details")), "reasoning_tokens"
        ),
        reported_cost_usd=_cost_usd(block),
    )


def _cost_usd(block: Mapping[str, Any]) -> Decimal | None:
    """What OpenRouter says that it charged; with a key of one's own, also what its owner did."""
    own = amount_usd(block, "cost")
    beside = amount_usd(mapping(block.get("cost_details")), "upstream_inference_cost")
    return own + beside if own is not None and beside and block.get("is_byok") is True else own


def _text(delta: Mapping[str, Any]) -> str:
    calls = [mapping(call.get("function")) for call in items(delta.get("tool_calls"))]
    # Some servers tell thoughts under both names.
    thoughts = text(delta.get("reasoning_content")) or text(delta.get("reasoning"))
    parts: list[object] = [thoughts, delta.get("content"), delta.get("refusal")]
    parts += [call.get(name) for call in calls for name in ("name", "arguments")]
    return "".join(map(text, parts))
