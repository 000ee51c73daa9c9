"""What a request is estimated to have used where the API never told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentd.meter.exchange import Exchange, Ratios
from agentd.meter.logged_requests import read_requests
from agentd.meter.request_log import RequestLog
from agentd.metering.dialects import Asked, dialect_of
from agentd.metering.requests import ApiRequest, Thread
from agentd.metering.tokens import count_tokens
from agentd.metering.usage import ModelUsage

LONG = json.dumps({"model": "gpt-5", "input": "Export the whole table, row by row. " * 20_000})
SHORT = json.dumps({"model": "gpt-5", "input": "Say hi."})


def cut(body: str, tmp_path: Path) -> ApiRequest:
    """The first request of a run, whose answer never came."""
    dialect = dialect_of("POST", "/v1/responses")
    assert dialect is not None
    asked, ratios = dialect.asked("/v1/responses", {}, body.encode()), Ratios()
    exchange = Exchange(
        dialect,
        asked,
        ratios.input_tokens(asked),
        RequestLog(tmp_path / "requests.jsonl"),
        ratios.to_be_counted(body.encode()),
    )
    exchange.sent()
    [request] = exchange.over()
    return request


@pytest.mark.parametrize("body", [LONG, SHORT], ids=["long", "short"])
def test_the_body_of_a_first_request_is_counted(body: str, tmp_path: Path) -> None:
    request = cut(body, tmp_path)
    assert "input_tokens" in request.estimated
    assert request.usage.input_tokens == pytest.approx(count_tokens(body, "gpt-5"), rel=0.005)


def test_later_ones_go_by_the_request_that_is_most_like_them() -> None:
    ratios = Ratios()

    def asked(model: str, thread: Thread = "main") -> Asked:
        return Asked(model=model, thread=thread, body_bytes=1000)

    learned: list[tuple[str, Thread, int]] = [
        ("small", "subagent", 210),
        ("large", "main", 220),
        ("large", "subagent", 230),
        ("large", "main", 240),
    ]
    for model, thread, tokens in learned:
        told = ApiRequest(model=model, usage=ModelUsage(input_tokens=tokens), ended=True)
        ratios.learn(asked(model, thread), told)
    assert ratios.input_tokens(asked("large", "subagent")) == 230
    assert ratios.input_tokens(asked("small")) == 210
    assert ratios.input_tokens(asked("other", "subagent")) == 240
    assert ratios.to_be_counted(b"{}") == b""


def test_counts_that_are_none_are_estimated_and_marked(tmp_path: Path) -> None:
    dialect = dialect_of("POST", "/v1/responses")
    assert dialect is not None
    asked = dialect.asked("/v1/responses", {}, b"{}")
    exchange = Exchange(dialect, asked, 700, RequestLog(tmp_path / "requests.jsonl"))
    exchange.sent()
    exchange.answered(200, "")
    usage = {"input_tokens": 2**64 - 1, "output_tokens": 9}
    answer = {"id": "r", "model": "gpt-5", "status": "completed", "usage": usage}
    exchange.feed(json.dumps(answer).encode())
    [request] = exchange.over()
    assert (request.usage.input_tokens, request.usage.output_tokens) == (700, 9)
    assert (request.estimated, request.ended) == ({"input_tokens"}, True)


def test_the_final_usage_of_a_stream_is_logged_before_the_cli_has_it(tmp_path: Path) -> None:
    """Whatever is killed then: no end of the answer needs to be seen."""
    dialect = dialect_of("POST", "/v1/messages")
    assert dialect is not None
    asked, log = Asked(model="m-1"), tmp_path / "requests.jsonl"
    exchange = Exchange(dialect, asked, 700, RequestLog(log))
    exchange.sent()
    exchange.answered(200, "")
    start = {"id": "r", "model": "m-1", "usage": {"input_tokens": 9, "output_tokens": 1}}
    told: list[tuple[int, bool]] = []
    for event in (
        {"type": "message_start", "message": start},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "hello"}},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 40},
        },
    ):
        exchange.feed(f"data: {json.dumps(event)}\n\n".encode())
        [request] = read_requests(log)
        told.append((request.usage.output_tokens, request.exact))
    assert told == [(1, False), (1, False), (40, True)]
    assert len(log.read_text().splitlines()) == 3
