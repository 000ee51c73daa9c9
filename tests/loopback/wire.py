"""Answers as each API streams them: events, and what the client knows of the usage after each."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from agentd.metering.usage import ModelUsage
from loopback.scenario import Step

_ids = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One server-sent event; ``told`` is the usage that the client knows once it has it."""

    data: dict[str, Any]
    name: str | None = None
    told: ModelUsage | None = None
    is_delta: bool = False


def error(api: str, status: int) -> dict[str, Any]:
    """The body of an API error."""
    message = f"loopback error {status}"
    if api == "gemini":
        return {"error": {"code": status, "message": message, "status": "INVALID_ARGUMENT"}}
    if api == "anthropic":
        inner = {"type": "invalid_request_error", "message": message}
        return {"type": "error", "error": inner}
    return {"error": {"type": "invalid_request_error", "message": message, "code": None}}


def whole(api: str, step: Step, model: str) -> dict[str, Any]:
    """The answer to a request that asked for no stream."""
    if api == "gemini":
        chunk: dict[str, Any] = _gemini_chunk(model, _gemini_parts(step))
        return chunk | _gemini_usage(step, _gemini_counts(step))
    if api == "anthropic":
        content = _anthropic_blocks(step)
        usage = _anthropic_usage(step, step.usage)
        return _anthropic_message(model) | usage | {"content": content, "stop_reason": "end_turn"}
    if api == "chat":
        message = {
            "role": "assistant",
            "content": step.text or None,
            "tool_calls": _chat_tools(step),
        }
        choice = {"index": 0, "message": message, "finish_reason": _chat_finish(step)}
        return _chat_base(model, "") | {"choices": [choice]} | _chat_usage(step)
    return _openai_response(model, "completed", _openai_items(step), step)


def stream(api: str, step: Step, model: str) -> Iterator[Event]:
    """The answer as a stream of events."""
    events = _STREAMS[api](step, model)
    return (replace(event, told=None) for event in events) if step.untold else events


def _id(prefix: str) -> str:
    return f"{prefix}_loopback{next(_ids):06d}"


def _halves(text: str) -> list[str]:
    return [text[: len(text) // 2], text[len(text) // 2 :]]


# Anthropic Messages: usage at message_start (output still 1) and, whole, at message_delta.


def _anthropic(step: Step, model: str) -> Iterator[Event]:
    def event(kind: str, told: ModelUsage | None = None, **fields: Any) -> Event:
        is_delta = kind == "content_block_delta"
        return Event(data={"type": kind} | fields, name=kind, told=told, is_delta=is_delta)

    start = replace(step.usage, output_tokens=1, reasoning_output_tokens=0)
    message = _anthropic_message(model) | _anthropic_usage(step, start)
    yield event("message_start", start, message=message)
    for index, block in enumerate(_anthropic_blocks(step)):
        if block["type"] == "text":
            empty, texts = block | {"text": ""}, _halves(block["text"])
            deltas = [{"type": "text_delta", "text": part} for part in texts]
        else:
            empty, texts = block | {"input": {}}, _halves(json.dumps(block["input"]))
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in texts]
        yield event("content_block_start", index=index, content_block=empty)
        for delta in deltas:
            yield event("content_block_delta", index=index, delta=delta)
        yield event("content_block_stop", index=index)
    stop = {"stop_reason": "tool_use" if step.tools else "end_turn", "stop_sequence": None}
    yield event("message_delta", step.usage, delta=stop, **_anthropic_usage(step, step.usage))
    yield event("message_stop")


def _anthropic_message(model: str) -> dict[str, Any]:
    fields = {"id": _id("msg"), "type": "message", "role": "assistant", "model": model}
    return fields | {"content": [], "stop_reason": None, "stop_sequence": None}


def _anthropic_blocks(step: Step) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [{"type": "text", "text": step.text}] if step.text else []
    for call in step.tools:
        block = {"type": "tool_use", "id": _id("toolu"), "name": call.name}
        blocks.append(block | {"input": dict(call.input)})
    return blocks


def _anthropic_usage(step: Step, usage: ModelUsage) -> dict[str, Any]:
    if step.untold:
        return {}
    written, one_hour = usage.cache_creation_input_tokens, usage.cache_creation_1h_input_tokens
    counts = {
        "input_tokens": usage.input_tokens - usage.cache_read_input_tokens - written,
        "cache_read_input_tokens": usage.cache_read_input_tokens,
        "cache_creation_input_tokens": written,
        "cache_creation": {
            "ephemeral_5m_input_tokens": written - one_hour,
            "ephemeral_1h_input_tokens": one_hour,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"thinking_tokens": usage.reasoning_output_tokens},
        "service_tier": "standard",
        "server_tool_use": {"web_search_requests": step.web_searches},
        **step.variants,
    }
    return {"usage": counts}


# OpenAI Responses: usage with response.completed only.


def _openai(step: Step, model: str) -> Iterator[Event]:
    sequence = itertools.count()

    def event(kind: str, told: ModelUsage | None = None, **fields: Any) -> Event:
        data = {"type": kind, "sequence_number": next(sequence)} | fields
        return Event(data=data, name=kind, told=told, is_delta=kind.endswith(".delta"))

    items = _openai_items(step)
    done = _openai_response(model, step.status_told, items, step)
    begun = done | {"status": "in_progress", "output": [], "usage": None, "error": None}
    yield event("response.created", response=begun)
    for index, item in enumerate(items):
        place = {"output_index": index, "item_id": item["id"]}
        if item["type"] == "message":
            empty = item | {"content": [], "status": "in_progress"}
            yield event("response.output_item.added", output_index=index, item=empty)
            for part in _halves(step.text):
                yield event("response.output_text.delta", **place, content_index=0, delta=part)
        else:
            yield event("response.output_item.added", output_index=index, item=item)
        yield event("response.output_item.done", output_index=index, item=item)
    yield event(f"response.{step.status_told}", step.usage, response=done)


def _openai_items(step: Step) -> list[dict[str, Any]]:
    search = {"type": "web_search_call", "status": "completed"}
    action = {"action": {"type": "search", "query": "agentd"}}
    items: list[dict[str, Any]] = [
        search | {"id": _id("ws")} | action for _ in range(step.web_searches)
    ]
    if step.text:
        content = [{"type": "output_text", "text": step.text, "annotations": []}]
        item = {"type": "message", "id": _id("msg"), "role": "assistant", "status": "completed"}
        items.append(item | {"content": content})
    for call in step.tools:
        item = {"type": "function_call", "id": _id("fc"), "call_id": _id("call")}
        item |= {"name": call.name, "status": "completed"}
        item |= {"namespace": call.namespace} if call.namespace else {}
        items.append(item | {"arguments": json.dumps(dict(call.input))})
    return items


def _openai_response(
    model: str, status: str, items: list[dict[str, Any]], step: Step
) -> dict[str, Any]:
    usage = step.usage
    counts = {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cache_read_input_tokens},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_output_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
    return {
        "id": _id("resp"),
        "object": "response",
        "created_at": 0,
        "model": model,
        "status": status,
        "error": {"code": "server_error", "message": "failed"} if status == "failed" else None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "output": items,
        "usage": None if step.untold else counts,
        **step.variants,
    }


# Gemini: the prompt's size with every chunk, all of the usage with the last.


def _gemini(step: Step, model: str) -> Iterator[Event]:
    parts = _gemini_parts(step)
    prompt = step.usage.input_tokens - step.tool_prompt_tokens
    early = {"promptTokenCount": prompt, "totalTokenCount": prompt}
    one = {"responseId": _id("gen")}
    for part in parts[:-1]:
        chunk = _gemini_chunk(model, [part], finish=None) | one | _gemini_usage(step, early)
        yield Event(data=chunk, told=ModelUsage(input_tokens=prompt), is_delta=True)
    last = _gemini_chunk(model, parts[-1:]) | one | _gemini_usage(step, _gemini_counts(step))
    yield Event(data=last, told=step.usage)


def _gemini_parts(step: Step) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"text": half} for half in _halves(step.text) if half]
    for call in step.tools:
        parts.append({"functionCall": {"name": call.name, "args": dict(call.input)}})
    return parts


def _gemini_chunk(
    model: str, parts: list[dict[str, Any]], *, finish: str | None = "STOP"
) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"modelVersion": model, "responseId": _id("gen"), "candidates": [candidate]}


def _gemini_usage(step: Step, counts: dict[str, int]) -> dict[str, Any]:
    return {} if step.untold else {"usageMetadata": counts}


def _gemini_counts(step: Step) -> dict[str, int]:
    usage = step.usage
    return {
        "promptTokenCount": usage.input_tokens - step.tool_prompt_tokens,
        "cachedContentTokenCount": usage.cache_read_input_tokens,
        "candidatesTokenCount": usage.output_tokens - usage.reasoning_output_tokens,
        "thoughtsTokenCount": usage.reasoning_output_tokens,
        "toolUsePromptTokenCount": step.tool_prompt_tokens,
        "totalTokenCount": usage.input_tokens + usage.output_tokens,
    }


# OpenAI Chat: usage in a last chunk without choices.


def _chat(step: Step, model: str) -> Iterator[Event]:
    base = _chat_base(model, ".chunk")

    def event(delta: dict[str, Any], finish: str | None = None) -> Event:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return Event(data=base | {"choices": [choice]}, is_delta=finish is None)

    for part in filter(None, _halves(step.text)):
        yield event({"role": "assistant", "content": part})
    for call in _chat_tools(step):
        yield event({"role": "assistant", "content": None, "tool_calls": [call]})
    yield event({}, _chat_finish(step))
    yield Event(data=base | {"choices": []} | _chat_usage(step), told=step.usage)


def _chat_base(model: str, kind: str) -> dict[str, Any]:
    kind = f"chat.completion{kind}"
    return {"id": _id("chatcmpl"), "object": kind, "created": 1, "model": model}


def _chat_finish(step: Step) -> str:
    return "tool_calls" if step.tools else "stop"


def _chat_tools(step: Step) -> list[dict[str, Any]]:
    return [
        {
            "index": index,
            "id": _id("call"),
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(dict(call.input))},
        }
        for index, call in enumerate(step.tools)
    ]


def _chat_usage(step: Step) -> dict[str, Any]:
    usage = step.usage
    counts = {
        "prompt_tokens": usage.input_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read_input_tokens},
        "completion_tokens": usage.output_tokens,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_output_tokens},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
    return {} if step.untold else {"usage": counts}


_STREAMS = {"anthropic": _anthropic, "openai": _openai, "gemini": _gemini, "chat": _chat}
