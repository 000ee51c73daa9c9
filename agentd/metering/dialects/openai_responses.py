"""OpenAI Responses: ``POST /v1/responses``, and ``/responses/compact``.

Every event that ends an answer holds it whole: ``response.completed``, ``response.incomplete`` and
``response.failed``, which may have a usage too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agentd.metering.dialects.asked import Asked
from agentd.metering.dialects.fields import is_told, items, malformed, mapping, text, tokens
from agentd.metering.dialects.json_parts import Path
from agentd.metering.requests import ApiRequest, Thread
from agentd.metering.usage import ModelUsage
from agentd.metering.variants import variants_of

_FINISH = {"completed": "stop", "incomplete": "length", "failed": "error", "cancelled": "error"}
_DELTAS = (
    "response.output_text.delta",
    "response.function_call_arguments.delta",
    "response.custom_tool_call_input.delta",
    "response.reasoning_text.delta",
    "response.reasoning_summary_text.delta",
    "response.refusal.delta",
)
_SEARCH = "web_search_call"
# A search is billed; to open a page that it found, or to look into it, is not (OpenAI's guide).
FREE_ACTIONS = ("open_page", "find_in_page")
_OWN_TOOLS = {"function", "custom", "local_shell", "namespace", "tool_search"}
_FIELDS = ("id", "model", "status", "usage", "service_tier", "incomplete_details")


def claims(method: str, path: str) -> bool:
    """Whether a request of this path is billed, and answered in this dialect."""
    return method == "POST" and path.lower().endswith(("/responses", "/responses/compact"))


def asked(path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Asked:
    """What the request asks for; header names are in lower case."""
    thread: Thread = "main"
    if headers.get("x-openai-subagent") or headers.get("x-codex-parent-thread-id"):
        thread = "subagent"
    elif path.lower().endswith("/compact"):
        thread = "side"
    kept = any(body.get(name) for name in ("previous_response_id", "conversation"))
    return Asked(
        model=text(body.get("model")),
        thread=thread,
        output_limit=tokens(body, "max_output_tokens") or None,
        server_tools=kept or not set(_tool_kinds(body)) <= _OWN_TOOLS,
        variants=tier_of(body),
        conversation=text(body.get("prompt_cache_key")),
    )


def tier_of(body: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The service tier that a request asks for, where it has a price of its own."""
    tier = text(body.get("service_tier"))
    return (("service_tier", tier),) if tier in ("flex", "priority", "fast") else ()


def _tool_kinds(body: Mapping[str, Any]) -> Iterator[str]:
    """The types of all tools; codex 0.169 puts them into an item of the input, in namespaces."""
    more = [entry for entry in items(body.get("input")) if entry.get("type") == "additional_tools"]
    for holder in (body, *more):
        for tool in items(holder.get("tools")):
            yield text(tool.get("type"))
            yield from (text(inner.get("type")) for inner in items(tool.get("tools")))


class ResponsesReading:
    """Reads one answer."""

    every: tuple[Path, ...] = (("output", "type"), ("output", "action", "type"))
    wanted: tuple[Path, ...] = (
        ("type",),
        ("item", "type"),
        ("item", "action", "type"),
        *((name,) for name in _FIELDS),
        *(("response", name) for name in _FIELDS),
    )

    def __init__(self) -> None:
        self._answer: dict[str, Any] = {}
        self._searches = 0

    def event(self, event: Mapping[str, Any]) -> str:
        """Take an event of the stream; returns the text that it adds."""
        kind = text(event.get("type"))
        if kind in _DELTAS:
            return text(event.get("delta"))
        if kind == "response.output_item.done":
            item = mapping(event.get("item"))
            action = text(mapping(item.get("action")).get("type"))
            self._searches += text(item.get("type")) == _SEARCH and action not in FREE_ACTIONS
        elif isinstance(event.get("response"), Mapping):
            self._take(event["response"])
        return ""

    def whole(self, answer: Mapping[str, Any]) -> None:
        """Take an answer that is not streamed; ``output`` has the types of items and actions."""
        self._take(answer)
        output = mapping(answer.get("output"))
        kinds, actions = output.get("type"), mapping(output.get("action")).get("type")
        searches = kinds.count(_SEARCH) if isinstance(kinds, list) else 0
        free = [one for one in actions if one in FREE_ACTIONS] if isinstance(actions, list) else []
        self._searches = max(0, searches - len(free))

    @property
    def ended(self) -> bool:
        """Whether the API has told the final usage."""
        return has_usage(mapping(self._answer.get("usage")))

    def requests(self) -> list[ApiRequest]:
        """The one request."""
        if not text(self._answer.get("id")) and not mapping(self._answer.get("usage")):
            return []
        tier = text(self._answer.get("service_tier"))
        usage = mapping(self._answer.get("usage"))
        return [
            ApiRequest(
                id=text(self._answer.get("id")) or None,
                model=text(self._answer.get("model")),
                usage=usage_of(usage),
                estimated=_unsure(usage),
                web_searches=self._searches,
                variants=variants_of({"service_tier": tier}),
                finish=self._finish(),
                ended=self.ended,
            )
        ]

    def _take(self, answer: Mapping[str, Any]) -> None:
        self._answer.update({name: value for name, value in answer.items() if value is not None})

    def _finish(self) -> str | None:
        if not self.ended:
            return None
        why = text(mapping(self._answer.get("incomplete_details")).get("reason"))
        return "refused" if why == "content_filter" else _FINISH.get(self._status(), "stop")

    def _status(self) -> str:
        return text(self._answer.get("status"))


def has_usage(block: Mapping[str, Any]) -> bool:
    """Whether a usage block tells what was used."""
    return is_told(block, "input_tokens", "output_tokens")


def _unsure(block: Mapping[str, Any]) -> frozenset[str]:
    details = mapping(block.get("input_tokens_details"))
    return malformed(
        ("input_tokens", block, ("input_tokens",)),
        ("input_tokens", details, ("cached_tokens", "cache_write_tokens")),
        ("output_tokens", block, ("output_tokens",)),
    )


def usage_of(block: Mapping[str, Any]) -> ModelUsage:
    """A usage block, where cached and written tokens are parts of the input."""
    details = mapping(block.get("input_tokens_details"))
    return ModelUsage(
        input_tokens=tokens(block, "input_tokens"),
        output_tokens=tokens(block, "output_tokens"),
        cache_read_input_tokens=tokens(details, "cached_tokens"),
        cache_creation_input_tokens=tokens(details, "cache_write_tokens"),
        reasoning_output_tokens=tokens(
            mapping(block.get("output_tokens_details")), "reasoning_tokens"
        ),
    )
