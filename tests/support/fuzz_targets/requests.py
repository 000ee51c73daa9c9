"""What tells of requests: the APIs' answers at the wire, telemetry, ``requests.jsonl``."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from loopback import wire
from loopback.scenario import Step, ToolCall

from agentd.meter import logged_requests
from agentd.meter.otlp import Receiver
from agentd.meter.request_log import NAME, RequestLog
from agentd.metering.dialects import Dialect
from agentd.metering.usage import ModelUsage
from agentd.providers import PROVIDERS
from agentd.runner.outcome import outcome_of
from agentd.runner.result import RunResult
from agentd.runner.told_by_cli import Outcome, Sources
from support.fuzz_targets.recorded import recorded
from support.fuzzing import Read, as_line
from support.recordings import FIXTURES
from support.run_samples import BEGAN
from support.state_samples import CALL

_USAGE = ModelUsage(
    input_tokens=1300,
    output_tokens=101,
    cache_read_input_tokens=307,
    cache_creation_input_tokens=153,
    cache_creation_1h_input_tokens=50,
    reasoning_output_tokens=35,
)
_STEP = Step(text="Done.", tools=(ToolCall(name="Bash", input={"command": "ls"}),), usage=_USAGE)
_ASKED = {
    "model": "gpt-5",
    "stream": True,
    "max_tokens": 32000,
    "max_output_tokens": 100,
    "service_tier": "flex",
    "tools": [{"type": "web_search_20250305", "name": "x"}, {"type": "web_search"}],
    "context_management": {"edits": [{"type": "compact_20260112"}]},
    "generationConfig": {"maxOutputTokens": 64},
    "metadata": {"user_id": "u"},
}
_API = {"anthropic": "anthropic", "openai.responses": "openai", "gemini": "gemini"}
_PATHS = {
    "anthropic": "/v1/messages",
    "openai.responses": "/v1/responses",
    "openai.chat": "/v1/chat/completions",
    "gemini": "/v1beta/models/gemini-3-flash-preview:streamGenerateContent",
}
_CHAT = {
    "id": "c1",
    "model": "gpt-5",
    "object": "chat.completion.chunk",
    "service_tier": "default",
    "choices": [{"delta": {"content": "Hi", "tool_calls": []}, "finish_reason": "stop"}],
    "usage": {
        "prompt_tokens": 13,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 2},
    },
}


def dialect_reader(dialect: Dialect, folder: Path) -> Read:
    def read(data: bytes) -> object:
        asked = dialect.asked(_PATHS[dialect.name], {"x-app": "cli"}, data)
        answer = dialect.answer()
        for place in range(0, len(data), 200):
            answer.feed(data[place : place + 200])
        answer.end()
        requests = answer.requests()
        outcome = outcome_of(Sources(parsed=_NOTHING, wire=requests))
        return asked, requests, answer.text(), recorded(_result(outcome))

    return read


def dialect_seeds(dialect: Dialect) -> list[bytes]:
    asked = json.dumps(_ASKED).encode()
    if dialect.name == "openai.chat":
        return [
            asked,
            json.dumps(_CHAT).encode(),
            b"data: " + as_line(_CHAT) + b"\ndata: [DONE]\n\n",
        ]
    api = _API[dialect.name]
    events = [b"data: " + as_line(event.data) + b"\n" for event in wire.stream(api, _STEP, "gpt-5")]
    return [asked, json.dumps(wire.whole(api, _STEP, "gpt-5")).encode(), b"".join(events)]


_NOTHING = PROVIDERS["claude"].cli().new_parser().parsed()


def _result(outcome: Outcome) -> RunResult:
    return RunResult(
        call_id=CALL.id,
        step="review",
        provider="codex",
        model=outcome.model,
        status="ok",
        usage=outcome.usage,
        accuracy=outcome.accuracy,
        usage_source=outcome.usage_source,
        duration_ms=5,
        started_at=BEGAN,
        session_id=None,
        exit_code=0,
        final_text="",
        error=None,
        run_dir=Path(),
        why=outcome.why,
        requests=outcome.request_count,
        api_requests=outcome.requests,
    )


def telemetry_reader(provider: str, folder: Path) -> Read:
    read_event = PROVIDERS[provider].cli().read_event
    path = folder / NAME

    def read(data: bytes) -> object:
        path.unlink(missing_ok=True)
        log = RequestLog(path)
        try:
            for at_wire in (True, False):
                receiver = Receiver(read_event, log, at_wire=at_wire)
                try:
                    receiver.take(data)
                except (ValueError, RecursionError):  # the relay answers 400
                    return None
        finally:
            log.close()
        requests = [
            replace(one, started_at=None, ended_at=None)  # of those without a time it is now
            for one in logged_requests.read_requests(path)
        ]
        outcome = outcome_of(Sources(parsed=_NOTHING, telemetry=requests))
        return requests, recorded(_result(outcome))

    return read


def telemetry_seeds(provider: str) -> list[bytes]:
    return (FIXTURES / "telemetry" / f"{provider}.jsonl").read_bytes().splitlines()


def request_log_reader(folder: Path) -> Read:
    path = folder / NAME

    def read(data: bytes) -> object:
        path.write_bytes(data)
        told = logged_requests.requests_of_run(folder)
        wire = logged_requests.read_requests(path)
        begun = logged_requests.read_begun(path)
        refused = logged_requests.refusals(path)
        outcomes = [
            recorded(_result(outcome_of(Sources(parsed=_NOTHING, wire=requests))))
            for requests in (told, wire)
        ]
        return told, wire, begun, refused, outcomes

    return read


def request_log_seeds() -> list[bytes]:
    told = {
        "id": "msg_1",
        "model": "claude-sonnet-4-5",
        "usage": {"input_tokens": 9, "output_tokens": 3, "cache_read_input_tokens": 2},
        "web_searches": 1,
        "variants": {"speed": "fast"},
        "finish": "stop",
        "started_at": "2026-11-22T05:40:52.000001Z",
        "ended_at": "2026-11-22T05:40:53Z",
        "ended": True,
        "thread": "subagent",
        "estimated": ["output_tokens"],
    }
    at = "2026-11-22T05:40:52Z"
    started = {
        "at": at,
        "request": "a1",
        "is": "started",
        "model": "claude-sonnet-4-5",
        "thread": "main",
        "body_bytes": 900,
        "output_limit": 100,
        "variants": {},
        "estimated_input_tokens": 300,
    }
    lines = [
        started,
        {"at": at, "request": "a1", "is": "answering", "told": [told]},
        {"at": at, "request": "a1", "is": "ended", "status": 200, "told": [told]},
        {"at": at, "request": "a1", "is": "thread", "thread": "side"},
        {"at": at, "is": "refused", "model": "m", "thread": "main", "why": "no money"},
        {"at": at, "is": "told", "told": [told]},
    ]
    return [b"".join(map(as_line, lines)), b"".join(map(as_line, lines[:3]))]
