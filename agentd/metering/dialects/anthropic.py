"""Anthropic Messages: ``POST /v1/messages``.

Fields: the Messages API reference, and the usage blocks of claude 2.1.332. A stream tells the input
in ``message_start`` and the final numbers in ``message_delta``; before 2025 that told the output
alone, so the fuller of the two counts field by field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentd.metering.dialects.asked import Asked
from agentd.metering.dialects.fields import is_told, items, malformed, mapping, text, tokens
from agentd.metering.dialects.json_parts import Path
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage
from agentd.metering.variants import Variants
from agentd.metering.variants import variants_of as not_standard

FINISH = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "refused",
}
# Iterations that the usage of the message itself leaves out: each is billed at its own model.
_BESIDE = ("compaction", "advisor_message")
_VARIANTS = {"speed": "speed", "service_tier": "service_tier", "inference_geo": "geo"}
_CLIENT_TOOLS = ("bash_", "text_editor_", "computer_", "memory_")


def claims(method: str, path: str) -> bool:
    """Whether a request of this path is billed, and answered in this dialect."""
    return method == "POST" and path.lower().endswith("/messages")


def asked(path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Asked:
    """What the request asks for; header names are in lower case."""
    del path
    agent = headers.get("x-claude-code-agent-id", "")
    return Asked(
        model=text(body.get("model")),
        thread="subagent" if agent else "main",
        output_limit=tokens(body, "max_tokens") or None,
        server_tools=_has_server_tools(body),
        variants=variants_of(body),
        conversation=agent,
    )


def _has_server_tools(body: Mapping[str, Any]) -> bool:
    """Tools that have a dated type are the API's; a compaction is billed beside the message."""
    kinds = [text(tool.get("type")) for tool in items(body.get("tools"))]
    edits = items(mapping(body.get("context_management")).get("edits"))
    return (
        any("_20" in kind and not kind.startswith(_CLIENT_TOOLS) for kind in kinds)
        or any(text(edit.get("type")).startswith("compact") for edit in edits)
        or bool(body.get("mcp_servers"))
    )


class AnthropicReading:
    """Reads one answer."""

    every: tuple[Path, ...] = ()
    wanted: tuple[Path, ...] = (
        ("type",),
        ("id",),
        ("model",),
        ("stop_reason",),
        ("usage",),
        ("message", "id"),
        ("message", "model"),
        ("message", "usage"),
        ("delta", "stop_reason"),
    )

    def __init__(self) -> None:
        self._id = ""
        self._model = ""
        self._usage: dict[str, Any] = {}
        self._stop_reason = ""
        self._is_final = False

    def event(self, event: Mapping[str, Any]) -> str:
        """Take an event of the stream; returns the text that it adds."""
        match event.get("type"):
            case "message_start":
                self._message(mapping(event.get("message")))
            case "message_delta":
                self._stop_reason = text(mapping(event.get("delta")).get("stop_reason"))
                self._take(mapping(event.get("usage")))
                self._is_final = is_told(mapping(event.get("usage")), "output_tokens")
            case "content_block_delta":
                delta = mapping(event.get("delta"))
                return "".join(
                    text(delta.get(name)) for name in ("text", "thinking", "partial_json")
                )
            case _:
                pass
        return ""

    def whole(self, answer: Mapping[str, Any]) -> None:
        """Take an answer that is not streamed."""
        if mapping(answer.get("usage")):
            self._message(answer)
            self._stop_reason = text(answer.get("stop_reason"))
            self._is_final = True

    @property
    def ended(self) -> bool:
        """Whether the API has told the final usage."""
        return self._is_final and is_told(self._usage, "input_tokens", "output_tokens")

    def requests(self) -> list[ApiRequest]:
        """The message, and the iterations that are billed beside it."""
        if not self._id and not self._usage:
            return []
        own = ApiRequest(
            id=self._id or None,
            model=self._model,
            finish=FINISH.get(self._stop_reason),
            ended=self.ended,
        )
        return billed(own, self._usage)

    def _message(self, message: Mapping[str, Any]) -> None:
        self._id = text(message.get("id")) or self._id
        self._model = text(message.get("model")) or self._model
        self._take(mapping(message.get("usage")))

    def _take(self, usage: Mapping[str, Any]) -> None:
        """Of a count told twice the later one counts: output grows, input is repeated."""
        self._usage.update({name: value for name, value in usage.items() if value is not None})


def billed(request: ApiRequest, usage: Mapping[str, Any]) -> list[ApiRequest]:
    """A request with what its usage block says, and the iterations that are billed beside it."""
    own = replace(
        request,
        usage=usage_of(usage),
        estimated=request.estimated | _unsure(usage),
        web_searches=tokens(mapping(usage.get("server_tool_use")), "web_search_requests"),
        variants=variants_of(usage),
    )
    beside = [one for one in items(usage.get("iterations")) if one.get("type") in _BESIDE]
    return [
        own,
        *(
            replace(
                own,
                id=f"{own.id}/{iteration['type']}/{place}" if own.id else None,
                model=text(iteration.get("model")) or own.model,
                usage=usage_of(iteration),
                estimated=_unsure(iteration),
                web_searches=0,
                thread="side",
            )
            for place, iteration in enumerate(beside)
        ),
    ]


def usage_of(block: Mapping[str, Any]) -> ModelUsage:
    """A usage block, where cached tokens stand beside the input, in the inclusive convention."""
    read = tokens(block, "cache_read_input_tokens")
    kinds = mapping(block.get("cache_creation"))
    one_hour = tokens(kinds, "ephemeral_1h_input_tokens")
    split = one_hour + tokens(kinds, "ephemeral_5m_input_tokens")
    written = max(tokens(block, "cache_creation_input_tokens"), split)
    return ModelUsage(
        input_tokens=tokens(block, "input_tokens") + read + written,
        output_tokens=tokens(block, "output_tokens"),
        cache_read_input_tokens=read,
        cache_creation_input_tokens=written,
        cache_creation_1h_input_tokens=one_hour,
        reasoning_output_tokens=tokens(
            mapping(block.get("output_tokens_details")), "thinking_tokens"
        ),
    )


def _unsure(block: Mapping[str, Any]) -> frozenset[str]:
    kinds = ("ephemeral_1h_input_tokens", "ephemeral_5m_input_tokens")
    cached = ("cache_read_input_tokens", "cache_creation_input_tokens")
    return malformed(
        ("input_tokens", block, ("input_tokens", *cached)),
        ("input_tokens", mapping(block.get("cache_creation")), kinds),
        ("output_tokens", block, ("output_tokens",)),
    )


def variants_of(usage: Mapping[str, Any]) -> Variants:
    """What multiplies the price: speed, service tier, geography; nothing that is standard."""
    return not_standard({name: text(usage.get(key)) for key, name in _VARIANTS.items()})
