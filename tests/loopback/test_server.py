"""The loopback API says what it served, also to a client that went away in the middle."""

from __future__ import annotations

import http.client
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import pytest

from agentd.metering.usage import ModelUsage
from loopback.scenario import Step, ToolCall
from loopback.server import LoopbackApi

USAGE = ModelUsage(
    input_tokens=1111,
    output_tokens=77,
    cache_read_input_tokens=1000,
    reasoning_output_tokens=70,
)
PATHS = {
    "anthropic": "/v1/messages",
    "openai": "/v1/responses",
    "chat": "/v1/chat/completions",
    "gemini": "/v1beta/models/m:streamGenerateContent?alt=sse",
}
SENT_BEFORE_THE_STALL = {
    "anthropic": {
        "m": ModelUsage(input_tokens=1111, output_tokens=1, cache_read_input_tokens=1000)
    },
    "openai": {},
    "chat": {},
    "gemini": {"m": ModelUsage(input_tokens=1108)},
}


def post(api: LoopbackApi, path: str, body: str = "hi") -> tuple[int, str]:
    connection = http.client.HTTPConnection(api.url.removeprefix("http://"))
    content = {"model": "m", "stream": True, "messages": body}
    connection.request("POST", path, json.dumps(content))
    response = connection.getresponse()
    answer = response.read().decode()
    connection.close()
    return response.status, answer


def usage_blocks(answer: str) -> list[dict[str, int]]:
    found = []
    for line in answer.splitlines():
        if line.startswith("data: "):
            event = json.loads(line[6:])
            for holder in (event, event.get("message", {}), event.get("response", {})):
                block = holder.get("usage") or holder.get("usageMetadata")
                found += [block] if block else []
    return found


@pytest.mark.parametrize("name", PATHS)
def test_whole_answer_tells_all(name: str) -> None:
    tool = ToolCall(name="shell", input={"cmd": "echo hi"})
    step = Step(text="hello there", tools=(tool,), usage=USAGE, tool_prompt_tokens=3)
    with LoopbackApi([step]) as api:
        status, answer = post(api, PATHS[name])
    assert (status, api.told(), api.billed()) == (200, {"m": USAGE}, {"m": USAGE})
    last = usage_blocks(answer)[-1]
    told = ("output_tokens", "completion_tokens")
    assert 77 in (*map(last.get, told), last.get("candidatesTokenCount", 0) + 70)
    assert "echo hi" in answer


@pytest.mark.parametrize("name", PATHS)
def test_a_client_that_goes_away_was_told_less(name: str) -> None:
    step = Step(text="hello there", usage=USAGE, tool_prompt_tokens=3, stalls=True)
    with LoopbackApi([step]) as api:
        host, port = api.url.removeprefix("http://").split(":")
        client = socket.create_connection((host, int(port)))
        body = json.dumps({"model": "m", "stream": True})
        head = f"POST {PATHS[name]} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        client.sendall((head + body).encode())
        assert api.stalled.wait(5)
        client.close()
        deadline = time.monotonic() + 5
        while not api.requests[0].finished and time.monotonic() < deadline:
            time.sleep(0.01)
    assert api.requests[0].finished
    assert api.told() == SENT_BEFORE_THE_STALL[name]
    assert api.billed() == {"m": USAGE}


def test_steps_are_matched_once_in_order_and_errors_serve_nothing() -> None:
    steps = [
        Step(text="subagent", body="SUB", without="MAIN", usage=USAGE),
        Step(text="first", usage=USAGE),
        Step(status=429, body="^.*LAST", stays=True),
    ]
    with LoopbackApi(steps) as api:
        answers = [
            post(api, "/v1/messages", body) for body in ("MAIN SUB", "SUB", "LAST", "LAST", "")
        ]
    assert [status for status, _ in answers] == [200, 200, 429, 429, 400]
    assert '"fi"' in answers[0][1]
    assert '"suba"' in answers[1][1]
    assert api.told()["m"].input_tokens == 2222
    assert len(api.unscripted()) == 1


@pytest.mark.parametrize("name", PATHS)
def test_an_answer_that_is_cut_comes_to_no_end(name: str) -> None:
    with LoopbackApi([Step(text="hello there", usage=USAGE, cut=True)]) as api:
        status, answer = post(api, PATHS[name])
    [request] = api.requests
    assert (status, request.whole, request.told == USAGE) == (200, False, False)
    assert "hello" in answer
    assert "there" not in answer


@pytest.mark.parametrize("name", PATHS)
def test_an_untold_answer_has_no_usage(name: str) -> None:
    with LoopbackApi([Step(text="hello there", usage=USAGE, untold=True)]) as api:
        _, answer = post(api, PATHS[name])
    [request] = api.requests
    assert (usage_blocks(answer), request.told, request.whole) == ([], None, True)


def test_an_answer_that_pauses_goes_on_when_it_is_told_to() -> None:
    step = Step(text="hello there", usage=USAGE, pauses=True)
    with LoopbackApi([step]) as api, ThreadPoolExecutor() as pool:
        asked = pool.submit(post, api, PATHS["openai"])
        assert api.stalled.wait(5)
        assert not asked.done()
        api.go_on.set()
        assert "there" in asked.result()[1]
    assert api.told() == {"m": USAGE}


def test_input_is_counted_from_the_body() -> None:
    with LoopbackApi([Step(text="hello", usage=USAGE, input_tokens_of=len, stays=True)]) as api:
        post(api, PATHS["openai"])
        post(api, PATHS["openai"], body="x" * 5000)
    short, long = (request.step.usage.input_tokens for request in api.requests if request.step)
    assert short == USAGE.cache_read_input_tokens  # never less than its parts
    assert long == len(api.requests[1].body)


@pytest.mark.parametrize("status", ["incomplete", "failed"])
def test_an_answer_of_openai_ends_as_it_is_told_to(status: Literal["incomplete", "failed"]) -> None:
    with LoopbackApi([Step(text="hello", usage=USAGE, status_told=status)]) as api:
        _, answer = post(api, PATHS["openai"])
    assert f"response.{status}" in answer
    assert api.told() == {"m": USAGE}
