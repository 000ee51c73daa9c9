"""The three APIs: what a request is, and where an answer's text stands. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agentd.frozen import frozen
from agentd.metering.dialects.fields import items, mapping, text
from agentd.metering.output_limits import output_limit
from agentd.providers.http.options import Api, Options

_NEW_NAMES = ("api.openai.com", ".openai.azure.com", ".services.ai.azure.com")
_TELL_COSTS = ("openrouter.ai",)
_USUAL_LIMIT = 32_000  # Anthropic's API takes no request without a limit


@frozen(kw_only=True)
class ApiForm:
    """One API. ``path`` stands behind the base URL; ``event_text`` and ``whole_text`` give the
    text that an event of a stream adds, and that of an answer without one."""

    path: str
    body: Callable[[Options, str], dict[str, Any]]
    headers: Callable[[str], dict[str, str]]
    event_text: Callable[[Mapping[str, Any]], str]
    whole_text: Callable[[Mapping[str, Any]], str]


def error_of(event: Mapping[str, Any]) -> str:
    """The message of an error, as these APIs put it into a body or a stream; "" for none."""
    error = event.get("error") or mapping(event.get("response")).get("error")
    if isinstance(error, str):
        return error
    told = text(mapping(error).get("message")) or text(mapping(error).get("code"))
    if not told and error:
        return "an error without a message"
    if told or event.get("type") != "error":
        return told
    return text(event.get("message")) or "an error without a message"


def message_of(body: Mapping[str, Any]) -> str:
    """What a body tells of an error, also as FastAPI and others write it."""
    detail = body.get("detail")
    if isinstance(detail, list):
        detail = "; ".join(text(each.get("msg")) for each in items(detail))
    return error_of(body) or text(body.get("message")) or text(detail)


def _is_at(options: Options, hosts: tuple[str, ...]) -> bool:
    host = options.host.rpartition(":")[0] if ":" in options.host else options.host
    return any(host == one or host.endswith(f".{one.lstrip('.')}") for one in hosts)


def _chat_body(options: Options, prompt: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": options.model,
        "messages": [{"role": "user", "content": prompt}],
        "stream": options.stream,
    }
    if options.stream and options.include_usage:
        body["stream_options"] = {"include_usage": True}
    if options.include_usage and _is_at(options, _TELL_COSTS):
        body["usage"] = {"include": True}  # without it OpenRouter tells no cost
    if options.max_output_tokens is not None:
        new = _is_at(options, _NEW_NAMES)  # newer OpenAI models refuse the old name
        body["max_completion_tokens" if new else "max_tokens"] = options.max_output_tokens
    return body


def _chat_event(event: Mapping[str, Any]) -> str:
    deltas = (mapping(choice.get("delta")) for choice in items(event.get("choices")))
    return "".join(_content(delta.get("content")) for delta in deltas)


def _chat_whole(answer: Mapping[str, Any]) -> str:
    found = (mapping(choice.get("message")) for choice in items(answer.get("choices")))
    return "".join(_content(message.get("content")) for message in found)


def _content(content: object) -> str:
    """A text, or one in parts."""
    return text(content) or "".join(text(part.get("text")) for part in items(content))


def _responses_body(options: Options, prompt: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": options.model,
        "input": prompt,
        "stream": options.stream,
        "store": False,
    }
    if options.max_output_tokens is not None:
        body["max_output_tokens"] = options.max_output_tokens
    return body


def _responses_event(event: Mapping[str, Any]) -> str:
    is_text = event.get("type") == "response.output_text.delta"
    return text(event.get("delta")) if is_text else ""


def _responses_whole(answer: Mapping[str, Any]) -> str:
    return "".join(
        text(part.get("text"))
        for item in items(answer.get("output"))
        if item.get("type") == "message"
        for part in items(item.get("content"))
        if part.get("type") == "output_text"
    )


def _messages_body(options: Options, prompt: str) -> dict[str, Any]:
    limit = options.max_output_tokens or output_limit(options.model) or _USUAL_LIMIT
    return {
        "model": options.model,
        "max_tokens": limit,
        "messages": [{"role": "user", "content": prompt}],
        "stream": options.stream,
    }


def _messages_event(event: Mapping[str, Any]) -> str:
    is_text = event.get("type") == "content_block_delta"
    return text(mapping(event.get("delta")).get("text")) if is_text else ""


def _messages_whole(answer: Mapping[str, Any]) -> str:
    return "".join(text(block.get("text")) for block in items(answer.get("content")))


def _bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}


def _anthropic(key: str) -> dict[str, str]:
    own = {"x-api-key": key} if key else {}
    return {"anthropic-version": "2023-06-01", **own}


FORMS: dict[Api, ApiForm] = {
    "chat": ApiForm(
        path="/chat/completions",
        body=_chat_body,
        headers=_bearer,
        event_text=_chat_event,
        whole_text=_chat_whole,
    ),
    "responses": ApiForm(
        path="/responses",
        body=_responses_body,
        headers=_bearer,
        event_text=_responses_event,
        whole_text=_responses_whole,
    ),
    "messages": ApiForm(
        path="/messages",
        body=_messages_body,
        headers=_anthropic,
        event_text=_messages_event,
        whole_text=_messages_whole,
    ),
}
