"""What the real CLIs' telemetry tells of their requests, taken by the relay's process."""

from __future__ import annotations

import gzip
import http.client
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from loopback.scenario import Step
from loopback.server import LoopbackApi
from support.relayed import Relayed, ask, relayed

from agentd.metering.usage import ModelUsage, add

FIXTURES = Path(__file__).parents[2] / "fixtures" / "telemetry"
SERVED = {
    "claude": ModelUsage(
        input_tokens=13010 + 8505,
        output_tokens=1010 + 655,
        cache_read_input_tokens=3070 + 2035,
        cache_creation_input_tokens=1530 + 1015,
    ),
    "codex": ModelUsage(
        input_tokens=13010 + 8505,
        output_tokens=1010 + 655,
        cache_read_input_tokens=3070 + 2035,
        reasoning_output_tokens=350 + 225,
    ),
}


def batches(provider: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FIXTURES / f"{provider}.jsonl").open()]


def send(relay: Relayed, batch: object, *, coding: str = "", path: str = "/otlp/v1/logs") -> int:
    parts = urlsplit(relay.url)
    body = json.dumps(batch).encode()
    headers = {"content-type": "application/json", "content-encoding": coding}
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    body = gzip.compress(body) if coding else body
    connection.request("POST", parts.path + path, body, {k: v for k, v in headers.items() if v})
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("provider", SERVED)
@pytest.mark.parametrize("coding", ["", "gzip"])
def test_each_request_is_told_once(provider: str, coding: str, tmp_path: Path) -> None:
    with relayed(tmp_path, "", provider=provider) as relay:
        for batch in batches(provider):
            assert send(relay, batch, coding=coding) == 200
            assert send(relay, batch, coding=coding) == 200  # an exporter may send it again
        requests = relay.requests()
        assert add(request.usage for request in requests) == SERVED[provider]
        assert [request.exact for request in requests] == [True] * 5
        threads = [request.thread for request in requests]
        assert (threads.count("main"), threads.count("subagent")) == (3, 2)
        assert {request.model for request in requests if request.thread == "subagent"} == {
            {"claude": "claude-haiku-5-5", "codex": "gpt-6-luna"}[provider]
        }
        for request in requests:
            assert request.started_at
            assert request.ended_at
            assert request.started_at <= request.ended_at


def test_an_answer_whose_end_is_not_told_is_no_exact_one(tmp_path: Path) -> None:
    """codex tells when an answer begins."""
    with relayed(tmp_path, "", provider="codex") as relay:
        for batch in batches("codex"):
            for scope in batch["resourceLogs"][0]["scopeLogs"]:
                records = scope["logRecords"]
                records[:] = [record for record in records if '"355"' not in json.dumps(record)]
            send(relay, batch)
        *others, last = relay.requests()
        assert [request.exact for request in others] == [True] * 4
        assert not last.exact
        assert last.usage.input_tokens >= 4404  # what came before is sent again


def test_side_calls_at_the_wire_are_told_apart_by_their_telemetry(tmp_path: Path) -> None:
    usage = ModelUsage(input_tokens=900, output_tokens=40)
    other = ModelUsage(input_tokens=950, output_tokens=40)
    steps = [Step(text="hello", usage=usage), Step(text="a title", usage=other)]
    with LoopbackApi(steps) as api, relayed(tmp_path, api.url, provider="claude") as relay:
        ask(relay.url)
        ask(relay.url)
        relay.ended(2)
        for source, tokens in (("sdk", 900), ("generate_session_title", 950)):
            batch = batch_of(query_source=source, model="m-1", input_tokens=tokens)
            assert send(relay, batch) == 200
        requests = relay.requests()
        assert [request.thread for request in requests] == ["main", "side"]
        assert [request.usage for request in requests] == [usage, other]


def batch_of(**attributes: object) -> dict[str, Any]:
    given = {"event.name": "api_request", "session.id": "s", "output_tokens": 40, **attributes}
    kinds = {str: "stringValue", int: "intValue"}
    record = {
        "attributes": [
            {"key": key, "value": {kinds[type(value)]: value}} for key, value in given.items()
        ]
    }
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}


@pytest.mark.parametrize(
    ("count", "exact"), [("355", True), (-1, False), ("many", False), (10**18, False)]
)
@pytest.mark.parametrize("provider", SERVED)
def test_a_count_that_can_not_be_is_not_exact(
    provider: str, count: str | int, exact: bool, tmp_path: Path
) -> None:
    given = {"claude": batch_of(model="m-1", input_tokens=count), "codex": codex_batch(count)}
    with relayed(tmp_path, "", provider=provider) as relay:
        assert send(relay, given[provider]) == 200
        [request] = relay.requests()
        assert request.exact == exact
        assert request.usage.output_tokens == 40


def codex_batch(input_tokens: str | int) -> dict[str, Any]:
    counts = {"input_token_count": input_tokens, "output_token_count": 40}
    told = {"event.name": "codex.sse_event", "event.kind": "response.completed", **counts}
    return batch_of(**told, **{"conversation.id": "c", "model": "m-1"})


def test_a_duration_before_all_years_loses_no_request(tmp_path: Path) -> None:
    told = {"event.timestamp": "2026-11-29T12:00:00Z", "duration_ms": 10**15}
    with relayed(tmp_path, "", provider="claude") as relay:
        assert send(relay, batch_of(model="m-1", input_tokens=900, **told)) == 200
        [request] = relay.requests()
        assert request.usage.input_tokens == 900


def test_nothing_but_telemetry_is_taken_where_the_wire_is_not_used(tmp_path: Path) -> None:
    with relayed(tmp_path, "", provider="codex") as relay:
        assert ask(relay.url)[0] == 404
        assert send(relay, [1, {"resourceLogs": 3}]) == 200
        parts = urlsplit(relay.url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        connection.request("POST", f"{parts.path}/otlp/v1/logs", b"{broken")
        assert connection.getresponse().status == 400
        connection.close()
        relay.url = relay.url.replace("t0ken", "guess")
        assert send(relay, batches("codex")[0]) == 404
        assert relay.requests() == []


def test_what_was_said_is_not_kept(tmp_path: Path) -> None:
    with relayed(tmp_path, "", provider="claude") as relay:
        send(relay, batch_of(model="m-1", input_tokens=9, prompt="my secret prompt"))
        assert len(relay.requests()) == 1
        assert "secret" not in relay.log.read_text()
