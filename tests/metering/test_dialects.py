"""Every answer of every API reads as what it was billed: whole, cut, in any blocks, compressed."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import wire
from loopback.scenario import Step, ToolCall

from agentd.metering.dialects import DIALECTS, Dialect, dialect_of, plain_path
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage

BY_API = {
    api: next(dialect for dialect in DIALECTS if dialect.name == name)
    for api, name in (
        ("anthropic", "anthropic"),
        ("openai", "openai.responses"),
        ("gemini", "gemini"),
    )
}
NAMED = {dialect.name: dialect for dialect in DIALECTS}
SSE = "text/event-stream; charset=utf-8"
counts = st.integers(0, 10**9)


@st.composite
def steps(draw: st.DrawFn, api: str) -> Step:
    read, written, rest = draw(counts), draw(counts), draw(counts)
    output, reasoning = draw(counts), draw(counts)
    tool_prompt = draw(st.integers(0, rest)) if api == "gemini" else 0
    written = written if api == "anthropic" else 0
    usage = ModelUsage(
        input_tokens=rest + read + written,
        output_tokens=output + reasoning,
        cache_read_input_tokens=read,
        cache_creation_input_tokens=written,
        cache_creation_1h_input_tokens=draw(st.integers(0, written)),
        reasoning_output_tokens=reasoning,
    )
    text = draw(st.text(min_size=2, max_size=40))
    tools = (ToolCall(name="Bash", input={"command": text}),) if draw(st.booleans()) else ()
    return Step(text=text, tools=tools, usage=usage, tool_prompt_tokens=tool_prompt)


def streamed(event: wire.Event) -> bytes:
    name = f"event: {event.name}\n" if event.name else ""
    return f"{name}data: {json.dumps(event.data)}\n\n".encode()


def read(
    dialect: Dialect, body: bytes, kind: str = SSE, size: int = 1 << 16, encoding: str = ""
) -> tuple[list[ApiRequest], str]:
    answer = dialect.answer(encoding)
    for place in range(0, len(body), size):
        answer.feed(body[place : place + size])
    answer.end()
    return answer.requests(), answer.text()


@given(st.data(), st.sampled_from(sorted(BY_API)), st.sampled_from([1, 7, 100, 1 << 16]))
def test_a_whole_stream_is_what_was_served(data: st.DataObject, api: str, size: int) -> None:
    step = data.draw(steps(api))
    body = b"".join(map(streamed, wire.stream(api, step, "m-1")))
    [request], text = read(BY_API[api], body, size=size)
    assert request.usage == step.usage
    assert request.model == "m-1"
    assert request.exact
    assert request.id
    assert step.text in text


@given(st.data(), st.sampled_from(sorted(BY_API)), st.sampled_from(["gzip", "deflate", ""]))
def test_an_answer_in_one_piece(data: st.DataObject, api: str, encoding: str) -> None:
    step = data.draw(steps(api))
    body = json.dumps(wire.whole(api, step, "m-1")).encode()
    coded = {"gzip": gzip.compress, "deflate": zlib.compress, "": bytes}[encoding](body)
    [request], _ = read(BY_API[api], coded, "application/json", 13, encoding)
    assert (request.usage, request.model, request.exact) == (step.usage, "m-1", True)


@given(st.data(), st.sampled_from(sorted(BY_API)))
def test_a_stream_cut_anywhere_tells_what_the_client_was_told(
    data: st.DataObject, api: str
) -> None:
    step = data.draw(steps(api))
    told: ModelUsage | None = None
    body = b""
    events = list(wire.stream(api, step, "m-1"))
    kept = data.draw(st.integers(0, len(events)))
    for event in events[:kept]:
        body += streamed(event)
        told = event.told or told
    if kept < len(events):
        rest = streamed(events[kept])
        body += rest[: data.draw(st.integers(0, len(rest) - 3))]
    requests, _ = read(BY_API[api], body)
    if told is None:
        assert not any(any(request.usage.counts()) for request in requests)
    else:
        [request] = requests
        assert request.usage == told
        assert request.ended == (told == events[-1].told or told == step.usage)


def events(*data: dict[str, Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(each).encode() + b"\r\n\r\n" for each in data)


def test_claude_fast_elsewhere_with_searches_advisor_and_compaction() -> None:
    usage = {
        "input_tokens": 1000,
        "output_tokens": 500,
        "cache_creation": {"ephemeral_1h_input_tokens": 30, "ephemeral_5m_input_tokens": 20},
        "server_tool_use": {"web_search_requests": 3},
        "speed": "fast",
        "inference_geo": "us",
        "service_tier": "priority",
        "iterations": [
            {"type": "compaction", "input_tokens": 9000, "output_tokens": 300},
            {"type": "message", "input_tokens": 1000, "output_tokens": 500},
            {
                "type": "advisor_message",
                "model": "claude-opus-5-5",
                "input_tokens": 7,
                "output_tokens": 8,
            },
        ],
    }
    message = {"id": "msg_1", "model": "claude-sonnet-5", "usage": {"input_tokens": 1000}}
    body = events(
        {"type": "message_start", "message": message},
        {"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": usage},
    )
    own, compaction, advisor = read(NAMED["anthropic"], body)[0]
    assert own.usage == ModelUsage(
        input_tokens=1050,
        output_tokens=500,
        cache_creation_input_tokens=50,
        cache_creation_1h_input_tokens=30,
    )
    assert own.web_searches == 3
    assert own.variants == (("geo", "us"), ("service_tier", "priority"), ("speed", "fast"))
    assert own.finish == "length"
    assert (compaction.model, compaction.usage.input_tokens) == ("claude-sonnet-5", 9000)
    assert (advisor.model, advisor.usage.output_tokens) == ("claude-opus-5-5", 8)
    assert len({own.id, compaction.id, advisor.id}) == 3
    assert all(request.exact for request in (own, compaction, advisor))


def test_a_message_delta_of_2024_tells_the_output_alone() -> None:
    start = {"input_tokens": 9, "cache_read_input_tokens": 90, "output_tokens": 1}
    message = {"id": "msg_1", "model": "claude-3", "usage": start}
    body = events(
        {"type": "message_start", "message": message},
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 44}},
    )
    [request] = read(NAMED["anthropic"], body)[0]
    assert request.usage == ModelUsage(
        input_tokens=99, output_tokens=44, cache_read_input_tokens=90
    )


@pytest.mark.parametrize(
    ("status", "details", "finish"),
    [
        ("failed", None, "error"),
        ("incomplete", {"reason": "max_output_tokens"}, "length"),
        ("incomplete", {"reason": "content_filter"}, "refused"),
    ],
)
def test_responses_that_fail_or_end_early_are_billed(
    status: str, details: object, finish: str
) -> None:
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 5},
        "output_tokens": 7,
    }
    answer = {"id": "resp_1", "model": "gpt-5", "status": status, "usage": usage}
    answer |= {"incomplete_details": details, "service_tier": "priority"}
    search = {"type": "response.output_item.done", "item": {"type": "web_search_call"}}
    body = events(search, search, {"type": f"response.{status}", "response": answer})
    [request] = read(NAMED["openai.responses"], body)[0]
    assert request.usage == ModelUsage(
        input_tokens=100,
        output_tokens=7,
        cache_read_input_tokens=10,
        cache_creation_input_tokens=5,
    )
    assert (request.finish, request.web_searches) == (finish, 2)
    assert request.variants == (("service_tier", "priority"),)


def test_searches_of_a_response_in_one_piece() -> None:
    items = [{"type": "web_search_call"}, {"type": "message"}, {"type": "web_search_call"}]
    answer = {"id": "r", "output": items, "usage": {"input_tokens": 1, "output_tokens": 2}}
    body = json.dumps(answer).encode()
    for size in (3, 1 << 16):
        [request] = read(NAMED["openai.responses"], body, "application/json", size)[0]
        assert request.web_searches == 2


@pytest.mark.parametrize("place", ["before", "with", "after"])
def test_chat_usage_in_whichever_chunk(place: str) -> None:
    usage = {
        "prompt_tokens": 20,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    chunk = {"id": "c1", "model": "qwen3", "choices": [{"delta": {"content": "hi"}}]}
    last = {"id": "c1", "model": "qwen3", "choices": [{"delta": {}, "finish_reason": "length"}]}
    alone = {"id": "c1", "model": "qwen3", "choices": [], "usage": usage}
    parts = {
        "before": [chunk, alone, last],
        "with": [chunk, last | {"usage": usage}],
        "after": [chunk, last, alone],
    }[place]
    [request], text = read(NAMED["openai.chat"], events(*parts) + b"data: [DONE]\n\n")
    assert request.usage == ModelUsage(
        input_tokens=20, output_tokens=9, cache_read_input_tokens=4, reasoning_output_tokens=3
    )
    assert (request.exact, request.finish, text) == (True, "length", "hi")


def test_chat_without_usage_is_not_exact() -> None:
    last = {"id": "c1", "model": "m", "choices": [{"delta": {}, "finish_reason": "stop"}]}
    [request] = read(NAMED["openai.chat"], events(last))[0]
    assert not request.ended


def test_code_assist_wraps_the_answer_and_names_the_model_in_the_body() -> None:
    inner = {
        "responseId": "g1",
        "modelVersion": "gemini-3-pro",
        "candidates": [{"finishReason": "STOP", "content": {"parts": [{"text": "ok"}]}}],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2},
    }
    path = "/v1internal:streamGenerateContent"
    dialect = dialect_of("POST", path)
    assert dialect is not None
    [request], text = read(dialect, events({"response": inner}))
    assert (request.id, request.usage.input_tokens, request.exact) == ("g1", 5, True)
    assert text == "ok"
    body = json.dumps({"model": "gemini-3-pro", "request": {"generationConfig": {}}}).encode()
    assert dialect.asked(path, {}, body).model == "gemini-3-pro"


def test_gemini_array_of_chunks_without_sse() -> None:
    chunks = [
        {"responseId": "g1", "usageMetadata": {"promptTokenCount": 5}},
        {
            "responseId": "g1",
            "candidates": [{"finishReason": "STOP"}],
            "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2},
        },
    ]
    [request] = read(NAMED["gemini"], json.dumps(chunks).encode(), "application/json")[0]
    assert (request.usage.output_tokens, request.exact) == (2, True)


def grounded(*queries: str, more: str = "") -> dict[str, Any]:
    return {
        "content": {"parts": [{"text": more}]},
        "groundingMetadata": {"webSearchQueries": queries},
    }


@pytest.mark.parametrize(
    ("model", "searches"),
    [("gemini-2.5-pro", 1), ("gemini-3-pro-preview", 2), ("models/gemini-2.0-flash", 1)],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_gemini_bills_grounding_by_the_prompt_and_from_3_on_by_the_query(
    model: str, searches: int, wrapped: bool
) -> None:
    chunks: list[dict[str, Any]] = [
        {"responseId": "g", "modelVersion": model, "candidates": [candidate]}
        for candidate in (grounded("a"), grounded("a", "", "b"), {"finishReason": "STOP"})
    ]
    chunks[-1]["usageMetadata"] = {"promptTokenCount": 5}
    told = [{"response": chunk} for chunk in chunks] if wrapped else chunks
    [streamed] = read(NAMED["gemini"], events(*told))[0]
    [whole] = read(NAMED["gemini"], json.dumps(told).encode(), "application/json")[0]
    assert (streamed.web_searches, whole.web_searches) == (searches, searches)
    [plain] = read(NAMED["gemini"], events(chunks[-1]))[0]
    assert plain.web_searches == 0


def test_a_very_long_chunk_of_gemini_is_read_to_its_end() -> None:
    candidate = grounded("a", "b", more="x" * 2_000_000) | {"finishReason": "STOP"}
    chunk = {"responseId": "g", "modelVersion": "gemini-3-pro", "candidates": [candidate]}
    chunk["usageMetadata"] = {"promptTokenCount": 5}
    [request] = read(NAMED["gemini"], events(chunk))[0]
    assert (request.web_searches, request.finish, request.exact) == (2, "stop", True)


def test_a_gemini_prompt_that_is_blocked_is_billed() -> None:
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}}
    usage = {"usageMetadata": {"promptTokenCount": 8, "totalTokenCount": 8}}
    [request] = read(NAMED["gemini"], events({"responseId": "g"} | blocked | usage))[0]
    assert (request.usage.input_tokens, request.finish, request.exact) == (8, "refused", True)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/messages", "anthropic"),
        ("/api/anthropic/v1/messages", "anthropic"),
        ("/v1/messages/count_tokens", None),
        ("/v1/responses", "openai.responses"),
        ("/v1/responses/compact", "openai.responses"),
        ("/v1/responses/resp_1/cancel", None),
        ("/v1/chat/completions", "openai.chat"),
        ("/v1/models", None),
        ("/v1beta/models/gemini-3-pro:streamGenerateContent", "gemini"),
        ("/v1beta/models/gemini-3-pro:countTokens", None),
        ("/v1internal:generateContent", "gemini"),
    ],
)
def test_which_requests_are_billed(path: str, name: str | None) -> None:
    dialect = dialect_of("POST", path)
    assert (dialect.name if dialect else None) == name
    assert dialect_of("GET", path) is None


@pytest.mark.parametrize(
    ("path", "headers", "body", "expected"),
    [
        (
            "/v1/messages",
            {"x-claude-code-agent-id": "a1"},
            {"model": "claude-x", "max_tokens": 99, "tools": [{"name": "Bash"}]},
            ("claude-x", "subagent", 99, False),
        ),
        (
            "/v1/messages",
            {},
            {"model": "claude-x", "tools": [{"type": "web_search_20250305"}]},
            ("claude-x", "main", None, True),
        ),
        (
            "/v1/responses",
            {"x-openai-subagent": "review"},
            {"model": "gpt-5", "tools": [{"type": "function"}, {"type": "custom"}]},
            ("gpt-5", "subagent", None, False),
        ),
        (
            "/v1/responses",
            {},
            {"model": "gpt-5", "max_output_tokens": 7, "tools": [{"type": "web_search"}]},
            ("gpt-5", "main", 7, True),
        ),
        (
            "/v1beta/models/gemini-3:generateContent",
            {},
            {"generationConfig": {"maxOutputTokens": 5}, "tools": [{"googleSearch": {}}]},
            ("gemini-3", "side", 5, True),
        ),
        (
            "/v1/chat/completions",
            {},
            {"model": "m", "max_completion_tokens": 4, "n": 2},
            ("m", "main", 8, False),
        ),
    ],
)
def test_what_a_request_asks_for(
    path: str, headers: dict[str, str], body: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    dialect = dialect_of("POST", path)
    assert dialect is not None
    asked = dialect.asked(path, headers, json.dumps(body).encode())
    assert (asked.model, asked.thread, asked.output_limit, asked.server_tools) == expected


OFFERED = {"tools": [{"functionDeclarations": [{"name": "read_file"}, {"name": "glob"}]}]}
SUBAGENT = {"tools": [{"functionDeclarations": [{"name": "glob"}, {"name": "complete_task"}]}]}
WANTS_JSON = {"generationConfig": {"responseMimeType": "application/json"}}


@pytest.mark.parametrize(
    ("body", "thread"),
    [
        (OFFERED, "main"),
        ({"tools": [{"functionDeclarations": []}]}, "main"),  # none is allowed
        ({"tools": [{"googleSearch": {}}, *OFFERED["tools"]]}, "main"),
        (SUBAGENT, "subagent"),
        (WANTS_JSON | OFFERED, "side"),  # a router
        (WANTS_JSON, "side"),
        ({}, "side"),  # a compression, a summary
        ({"tools": [{"urlContext": {}}]}, "side"),
        ({"tools": [5, {"functionDeclarations": [5, {"name": 5}]}]}, "main"),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_geminis_threads_are_told_by_what_a_request_offers(
    body: dict[str, Any], thread: str, wrapped: bool
) -> None:
    path = "/v1internal:streamGenerateContent" if wrapped else "/v1beta/models/g:generateContent"
    given = json.dumps({"model": "g", "request": body} if wrapped else body).encode()
    assert NAMED["gemini"].asked(path, {}, given).thread == thread


@pytest.mark.parametrize(
    ("path", "body", "server_tools", "variants"),
    [
        ("/v1/messages", {"speed": "fast", "service_tier": "auto"}, False, (("speed", "fast"),)),
        ("/v1/messages", {"tools": [{"type": "bash_20250124"}]}, False, ()),
        ("/v1/messages", {"tools": [{"type": "advisor_20260301"}]}, True, ()),
        (
            "/v1/messages",
            {"context_management": {"edits": [{"type": "compact_20260112"}]}},
            True,
            (),
        ),
        ("/v1/messages", {"mcp_servers": [{"url": "https://x"}]}, True, ()),
        ("/v1/responses", {"service_tier": "priority"}, False, (("service_tier", "priority"),)),
        ("/v1/responses", {"service_tier": "fast"}, False, (("service_tier", "fast"),)),
        ("/v1/responses", {"service_tier": "auto", "tools": None}, False, ()),
        ("/v1/responses", {"previous_response_id": "resp_1"}, True, ()),
        ("/v1/responses", {"tools": [{"type": "namespace", "tools": [{"type": "mcp"}]}]}, True, ()),
        (
            "/v1/responses",
            {"input": [{"type": "additional_tools", "tools": [{"type": "web_search"}]}]},
            True,
            (),
        ),
        ("/v1/chat/completions", {"service_tier": "flex"}, False, (("service_tier", "flex"),)),
        ("/v1beta/models/g:generateContent", {"cachedContent": "cachedContents/1"}, True, ()),
    ],
)
def test_what_may_make_a_request_dearer(
    path: str, body: dict[str, Any], server_tools: bool, variants: tuple[Any, ...]
) -> None:
    dialect = dialect_of("POST", path)
    assert dialect is not None
    asked = dialect.asked(path, {}, json.dumps(body).encode())
    assert (asked.server_tools, asked.variants) == (server_tools, variants)


def test_conversations_of_one_kind_are_told_apart() -> None:
    claude, codex = (dialect_of("POST", path) for path in ("/v1/messages", "/v1/responses"))
    assert claude is not None
    assert codex is not None
    assert claude.asked("", {"x-claude-code-agent-id": "a1"}, b"{}").conversation == "a1"
    assert codex.asked("", {}, b'{"prompt_cache_key": "t1"}').conversation == "t1"


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "id",
                    "model",
                    "usage",
                    "message",
                    "response",
                    "delta",
                    "choices",
                    "candidates",
                    "usageMetadata",
                    "iterations",
                    "input_tokens",
                    "promptTokenCount",
                    "item",
                    "tools",
                    "request",
                ]
            )
            | st.text(max_size=3),
            inner,
            max_size=6,
        )
    ),
    max_leaves=25,
)


@given(st.lists(any_json, max_size=5), st.sampled_from(DIALECTS), st.sampled_from([SSE, "json"]))
def test_nothing_that_an_api_sends_breaks_the_reading(
    answers: list[Any], dialect: Dialect, kind: str
) -> None:
    requests, _ = read(dialect, events(*answers), kind, 11)
    assert all(count >= 0 for request in requests for count in request.usage.counts())
    for answer in answers:
        dialect.asked("/v1/messages", {}, json.dumps(answer).encode())


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip"])
def test_what_can_not_be_decoded_is_not_known(encoding: str) -> None:
    assert read(NAMED["anthropic"], b"\x00\xff garbage" * 50, SSE, 7, encoding) == ([], "")


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_memory_does_not_grow_with_the_answer(encoding: str) -> None:
    filler = events({"type": "content_block_delta", "delta": {"x": "y" * 5000}}) * 200
    huge = b'data: {"type": "content_block_delta", "delta": {"z": "' + b"\\n" * 2_000_000 + b'"}}\n'
    message = {"id": "m", "model": "c", "usage": {"input_tokens": 3, "output_tokens": 1}}
    first = events({"type": "message_start", "message": message})
    last = events({"type": "message_delta", "delta": {}, "usage": {"output_tokens": 5}})
    body = first + filler * 20 + huge + last
    body = gzip.compress(body) if encoding else body
    answer = NAMED["anthropic"].answer(encoding)
    tracemalloc.start()
    for place in range(0, len(body), 1 << 16):
        answer.feed(body[place : place + (1 << 16)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    [request] = answer.requests()
    assert (request.usage.output_tokens, request.exact) == (5, True)
    assert peak < 8_000_000


UNDERFLOW = 18446744073709552000
DOUBTFUL: list[tuple[str, dict[str, Any], set[str]]] = [
    ("anthropic", {"input_tokens": UNDERFLOW, "output_tokens": 5}, {"input_tokens"}),
    ("anthropic", {"input_tokens": 5, "output_tokens": -1}, {"output_tokens"}),
    (
        "anthropic",
        {
            "input_tokens": 5,
            "output_tokens": 5,
            "cache_creation": {"ephemeral_1h_input_tokens": "9"},
        },
        {"input_tokens"},
    ),
    ("openai.responses", {"input_tokens": 1.5, "output_tokens": 5}, {"input_tokens"}),
    (
        "openai.responses",
        {
            "input_tokens": 5,
            "output_tokens": True,
            "input_tokens_details": {"cached_tokens": UNDERFLOW},
        },
        {"input_tokens", "output_tokens"},
    ),
    ("openai.chat", {"prompt_tokens": 5, "completion_tokens": "many"}, {"output_tokens"}),
    ("gemini", {"promptTokenCount": 5, "thoughtsTokenCount": UNDERFLOW}, {"output_tokens"}),
    ("gemini", {"totalTokenCount": 5000}, {"input_tokens"}),
    ("gemini", {"promptTokenCount": 5, "candidatesTokenCount": 2.0}, set()),
    ("anthropic", {"input_tokens": 5, "output_tokens": 5, "cache_creation": None}, set()),
]


@pytest.mark.parametrize(("name", "usage", "estimated"), DOUBTFUL)
def test_a_count_that_is_none_and_a_bare_total_are_not_exact(
    name: str, usage: dict[str, Any], estimated: set[str]
) -> None:
    answer: dict[str, Any] = {"id": "r", "model": "m", "usage": usage, "stop_reason": "end_turn"}
    answer |= {"choices": [{"finish_reason": "stop"}], "status": "completed"}
    if name == "gemini":
        answer = {"responseId": "r", "candidates": [{"finishReason": "STOP"}]}
        answer["usageMetadata"] = usage
    [request] = read(NAMED[name], json.dumps(answer).encode(), "application/json")[0]
    assert (request.ended, request.estimated) == (True, estimated)
    assert request.exact is not bool(estimated)


STREAM = b"".join(
    map(
        streamed,
        wire.stream(
            "anthropic",
            Step(text="\u00e4 word", usage=ModelUsage(input_tokens=900, output_tokens=40)),
            "m-1",
        ),
    )
)


def _on_several_lines(stream: bytes) -> bytes:
    lines = stream.decode().splitlines()
    spread = (
        "\n".join(
            f"data: {part}" for part in json.dumps(json.loads(line[5:]), indent=1).split("\n")
        )
        if line.startswith("data:")
        else line
        for line in lines
    )
    return ("\n".join(spread) + "\n\n").encode()


@pytest.mark.parametrize(
    "stream",
    [
        STREAM.replace(b"\n", b"\r\n"),
        STREAM.replace(b"\n", b"\r"),
        b"\xef\xbb\xbf" + STREAM,
        b"\r\n\n" + STREAM,
        b": a comment\n\nretry: 5\n" + STREAM.replace(b"data: ", b"data:"),
        STREAM.rstrip(b"\n"),
        _on_several_lines(STREAM),
        _on_several_lines(STREAM).replace(b"\n", b"\r\n").rstrip(b"\r\n"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_events_in_every_form_that_the_standard_allows(stream: bytes, size: int) -> None:
    [request], text = read(NAMED["anthropic"], stream, size=size)
    assert (request.usage.input_tokens, request.usage.output_tokens) == (900, 40)
    assert (request.exact, bool(request.id), text) == (True, True, "\u00e4 word")


SOUND = {
    "anthropic": {"input_tokens": 50, "output_tokens": 5},
    "openai.responses": {"input_tokens": 50, "output_tokens": 5},
    "openai.chat": {"prompt_tokens": 50, "completion_tokens": 5},
    "gemini": {"promptTokenCount": 50, "candidatesTokenCount": 5},
}
CACHED = {
    "anthropic": {"cache_read_input_tokens": -3},
    "openai.responses": {"input_tokens_details": {"cached_tokens": -3}},
    "openai.chat": {"prompt_tokens_details": {"cached_tokens": -3}},
    "gemini": {"cachedContentTokenCount": -3},
}


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("odd", [-5, 5.5, "5", True, float("nan"), 10**16])
def test_a_count_that_cannot_be_is_not_called_exact(name: str, odd: object) -> None:
    def request(usage: dict[str, Any]) -> ApiRequest:
        answer = {
            "usageMetadata" if name == "gemini" else "usage": usage,
            "status": "completed",
            "stop_reason": "end_turn",
            "choices": [{"finish_reason": "stop"}],
            "candidates": [{"finishReason": "STOP"}],
        }
        [found], _ = read(NAMED[name], json.dumps(answer).encode())
        return found

    assert request(SOUND[name]).exact
    assert not request({**SOUND[name], **CACHED[name]}).exact
    for key in SOUND[name]:
        assert not request({**SOUND[name], key: odd}).exact
        if name != "gemini":  # which leaves out zeros
            assert not request({**SOUND[name], key: None}).exact


def test_the_path_of_a_request_as_a_server_may_read_it() -> None:
    for target in ("/v1/mess%61ges?beta=true", "/v1//x/../messages/", "/v1/messages;a#b?c"):
        assert plain_path(target) == "/v1/messages"
