"""OpenTelemetry: a collector sees what the ledger has, and costs no step anything."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from loopback.scenario import Step
from loopback.server import LoopbackApi
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from support.budget_box import PRICED, configure
from support.cost_box import call
from support.otel_box import ENDPOINT, Seen, challenge_box, sent, told
from support.webhook import Webhook, webhook
from support.workflow_box import box_with, put_change, state_of
from support.workspace import Sandbox

from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage
from agentd.workflow.otel.outside import outside_of
from agentd.workflow.otel.points import points_of
from agentd.workflow.otel.settings import wanted_signals, why_not_sent
from agentd.workflow.otel.spans import call_span, request_spans, run_span
from agentd.workflow.otel.tracing import handed_over
from agentd.workflow.priced_request import RequestOfCall

ANSWER = ModelUsage(input_tokens=900, output_tokens=40)  # $0.94
ASKING = Path(__file__).parents[1] / "standins" / "asking_cli.py"
OPEN = {"agentd/changes/add-x/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"}


@dataclass
class Run:
    """A plan of three requests, and what the collector saw of it."""

    box: Sandbox
    seen: Seen
    hook: Webhook
    done: subprocess.CompletedProcess[str]
    prompt: str


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("otel")
    box = box_with(folder)
    configure(box, f'{PRICED}[meter]\nwire = "on"\n')
    put_change(box, "add-x", "proposed")
    (folder / "gemini").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ASKING}" "$@"\n')
    (folder / "asking.json").write_text(json.dumps({"requests": 3, "files": OPEN}))
    answer = Step(text="ANSWEREDTEXT", usage=ANSWER, stays=True)
    with LoopbackApi([answer]) as api, webhook(read=bytes) as hook:
        done = box.run(
            *("plan", "add-x", "--model", "gemini-2.5-pro"),
            GEMINI_API_KEY="not-a-key",
            GOOGLE_GEMINI_BASE_URL=api.url,
            OTEL_RESOURCE_ATTRIBUTES="team=shop,service.version=9",
            OTEL_SERVICE_NAME="robots",
            OTEL_EXPORTER_OTLP_HEADERS="x-team=k3y",
            **{ENDPOINT: hook.url},
        )
        hook.wait_for(3)
    assert done.returncode == 0, done.stderr
    [prompt] = (box.change("add-x") / "runs").glob("*/prompt")
    return Run(box, Seen.of(hook), hook, done, prompt.read_text())


def test_the_loop_its_call_and_its_requests_are_spans(run: Run) -> None:
    [loop], [step] = run.seen.named("invoke_workflow"), run.seen.named("invoke_agent gemini")
    chats = run.seen.named("chat gemini-2.5-pro")
    assert len(run.seen.spans) == 5
    assert len({span.span_id for span in run.seen.spans}) == 5
    assert {span.trace_id for span in run.seen.spans} == {loop.trace_id}
    assert (loop.parent_span_id, step.parent_span_id) == (b"", loop.span_id)
    assert [span.parent_span_id for span in chats] == 3 * [step.span_id]
    assert {span.kind for span in chats} == {Span.SPAN_KIND_CLIENT}
    assert {span.status.code for span in run.seen.spans} == {Status.STATUS_CODE_UNSET}
    [entry] = state_of(run.box, "add-x")["telemetry"]["calls"]
    whole = told(step.attributes)
    assert whole["agentd.call.id"] == entry["id"]
    assert whole["gen_ai.usage.input_tokens"] == entry["tokens_in"] == 2700
    assert whole["gen_ai.usage.output_tokens"] == entry["tokens_out"] == 120
    assert whole["agentd.cost.amount"] == entry["cost_usd"] == 2.82
    assert whole["gen_ai.provider.name"] == "gcp.gemini"
    for each in [told(span.attributes) for span in chats]:
        assert each["gen_ai.usage.input_tokens"] == 900
        assert each["gen_ai.usage.output_tokens"] == 40
        assert (each["agentd.cost.amount"], each["agentd.cost.currency"]) == (0.94, "USD")
        assert (each["agentd.cost.source"], each["agentd.cost.status"]) == ("config", "known")
        assert each["agentd.call.id"] == entry["id"]
    assert told(loop.attributes)["agentd.exit_code"] == 0
    assert run.seen.schemas == {"https://opentelemetry.io/schemas/gen-ai/1.42.0"}


def test_times_are_those_of_the_run(run: Run) -> None:
    [loop], [step] = run.seen.named("invoke_workflow"), run.seen.named("invoke_agent")
    [entry] = state_of(run.box, "add-x")["telemetry"]["calls"]
    took = step.end_time_unix_nano - step.start_time_unix_nano
    assert took == entry["duration_ms"] * 1_000_000
    begun = datetime.fromtimestamp(step.start_time_unix_nano // 1_000_000_000, UTC)
    assert begun == datetime.fromisoformat(str(entry["timestamp"]))
    starts = [span.start_time_unix_nano for span in run.seen.named("chat")]
    assert starts == sorted(starts)
    assert loop.start_time_unix_nano <= step.start_time_unix_nano <= starts[0]
    for span in run.seen.named("chat"):
        assert 0 < span.end_time_unix_nano - span.start_time_unix_nano < 60_000_000_000
        assert span.end_time_unix_nano <= loop.end_time_unix_nano


def test_the_export_has_the_same_span(run: Run) -> None:
    [line] = run.box.ok("export", "add-x", "--format", "otlp").splitlines()
    [exported] = json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    [step] = run.seen.named("invoke_agent")
    assert exported["traceId"] == step.trace_id.hex()
    assert exported["spanId"] == step.span_id.hex()
    assert exported["startTimeUnixNano"] == str(step.start_time_unix_nano)
    values = {one["key"]: next(iter(one["value"].values())) for one in exported["attributes"]}
    assert {*values} == {*told(step.attributes)}


def test_metrics_have_the_tokens_once(run: Run) -> None:
    used: dict[str, float] = {}
    durations: dict[str, tuple[int, float]] = {}
    for name, attributes, point in run.seen.points:
        assert attributes["agentd.step"] == "challenge"
        assert attributes["gen_ai.response.model"] == "gemini-2.5-pro"
        if name == "gen_ai.client.token.usage":
            used[attributes["gen_ai.token.type"]] = point.sum
        else:
            assert name == "gen_ai.client.operation.duration"
            durations[attributes["gen_ai.operation.name"]] = (point.count, point.sum)
    [entry] = state_of(run.box, "add-x")["telemetry"]["calls"]
    assert used == {"input": 2700, "output": 120}
    assert durations["invoke_agent"] == (1, entry["duration_ms"] / 1000)
    assert durations["chat"][0] == 3
    # Each call is a process of its own: sums that began anew would look like resets.
    assert run.seen.temporalities == {AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA}


def test_the_environment_says_who_sends_and_with_which_key(run: Run) -> None:
    assert len(run.seen.resources) == 3
    for resource in run.seen.resources:
        assert (resource["service.name"], resource["team"]) == ("robots", "shop")
        assert resource["service.version"] == "9"
    assert [headers["x-team"] for headers in run.hook.headers] == ["k3y"] * 3
    assert set(run.hook.kinds) == {"application/x-protobuf"}
    assert not re.search("k3y|SECRETPATH|warning", run.done.stdout + run.done.stderr)


def test_nothing_of_a_prompt_or_an_answer_is_sent(run: Run) -> None:
    lines = [line.strip() for line in run.prompt.splitlines() if len(line.strip()) > 15]
    assert len(lines) > 10
    bodies = b"".join(run.seen.raw)
    assert b"add-x" in bodies  # as it is, not compressed
    for line in [*lines, "ANSWEREDTEXT", "APPROVED"]:
        assert line.encode() not in bodies


OUTSIDE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_run_is_a_part_of_the_trace_that_the_environment_tells(tmp_path: Path) -> None:
    box = challenge_box(tmp_path)
    with webhook(read=bytes) as hook:
        done = box.run("plan", "add-x", TRACEPARENT=OUTSIDE, **{ENDPOINT: hook.url})
        assert done.returncode == 0, done.stderr
        hook.wait_for(3)
        seen = Seen.of(hook)
    [loop], [step] = seen.named("invoke_workflow"), seen.named("invoke_agent")
    assert {span.trace_id.hex() for span in seen.spans} == {"4bf92f3577b34da6a3ce929d0e0e4736"}
    assert loop.parent_span_id.hex() == "00f067aa0ba902b7"
    assert step.parent_span_id == loop.span_id


@pytest.mark.parametrize(
    ("sampler", "paths"),
    [("", ["/v1/metrics"]), ("always_on", ["/v1/traces", "/v1/metrics"])],
)
def test_a_trace_that_is_not_sampled_outside_is_not_here(sampler: str, paths: list[str]) -> None:
    record = call(1)
    outside = outside_of({"TRACEPARENT": OUTSIDE[:-1] + "0"})
    assert record.started_at
    assert outside
    span = call_span("shop", "add-x", record, record.started_at)
    points = [*points_of(record, span, [])]
    with webhook(read=bytes) as hook:
        data = handed_over(outside.around([span]), points, outside.is_sampled)
        assert sent(data, hook.url, **({"OTEL_TRACES_SAMPLER": sampler} if sampler else {})) == ""
        assert hook.paths == paths


@pytest.mark.parametrize(
    "wrong",
    ["", "x", OUTSIDE.replace("4bf9", "zzzz"), f"ff{OUTSIDE[2:]}", f"00-{'0' * 32}-{'1' * 16}-01"],
)
def test_a_parent_that_is_not_valid_is_none(wrong: str) -> None:
    assert outside_of({"TRACEPARENT": wrong}) is None


def test_spans_are_sent_in_bounded_requests(tmp_path: Path) -> None:
    record = call(1)
    assert record.started_at
    whole = call_span("shop", "add-x", record, record.started_at)
    one = ApiRequest(model="m", usage=ModelUsage(input_tokens=1), started_at=AT, ended_at=LATER)
    asked = RequestOfCall(request=one, cost_usd=None, cost_source="none")
    below = [*request_spans(whole, record, (asked,) * 10_000)]
    with webhook(read=bytes) as hook:
        assert sent(handed_over([whole, *below], []), hook.url) == ""
        assert max(map(len, hook.sent)) < 1_000_000
        assert len({span.span_id for span in Seen.of(hook).spans}) == 10_001
    with webhook(status=400, read=bytes) as hook:
        assert sent(handed_over([whole, *below], []), hook.url) == "HTTP 400"
        assert len(hook.sent) == 1


def test_without_the_sdk_a_step_works_and_doctor_says_so(tmp_path: Path) -> None:
    box = challenge_box(tmp_path)
    shadow = tmp_path / "shadow" / "opentelemetry"
    shadow.mkdir(parents=True)
    (shadow / "__init__.py").touch()
    with webhook(read=bytes) as hook:

        def agentd(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "agentd", *arguments],
                cwd=box.root,
                env={**os.environ, "PYTHONPATH": str(shadow.parent), ENDPOINT: hook.url},
                capture_output=True,
                text=True,
                check=False,
            )

        done = agentd("challenge", "add-x")
        assert done.returncode == 0, done.stderr
        assert "telemetry" not in done.stderr.lower()
        checks = json.loads(agentd("doctor", "--json").stdout)["checks"]
        assert hook.sent == []
    found = {one["name"]: (one["status"], one["detail"]) for one in checks}
    lacking = ("warn", "nothing is sent: agentd's extra otel is not installed")
    assert (found["OpenTelemetry traces"], found["OpenTelemetry metrics"]) == (lacking, lacking)


def test_a_step_loads_nothing_of_the_sdk(tmp_path: Path) -> None:
    box = challenge_box(tmp_path)
    with webhook(read=bytes) as hook:
        done = box.run("challenge", "add-x", PYTHONPROFILEIMPORTTIME="1", **{ENDPOINT: hook.url})
        seen = Seen.of(hook) if hook.wait_for(2) else Seen()
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "agentd.workflow.otel.spans" in loaded
    assert not [name for name in loaded if name.startswith(("opentelemetry.sdk", "google"))]
    [step] = seen.named("invoke_agent")
    assert step.parent_span_id == b""  # no loop


@pytest.mark.parametrize(
    ("environ", "signals"),
    [
        ({}, []),
        ({ENDPOINT: "http://c"}, ["traces", "metrics"]),
        ({ENDPOINT: ""}, []),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c"}, ["traces"]),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c"}, ["metrics"]),
        ({ENDPOINT: "http://c", "OTEL_METRICS_EXPORTER": "none"}, ["traces"]),
        ({ENDPOINT: "http://c", "OTEL_SDK_DISABLED": "True"}, []),
        ({"OTEL_SERVICE_NAME": "x", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://c"}, []),
    ],
)
def test_what_is_asked_for(environ: dict[str, str], signals: list[str]) -> None:
    assert wanted_signals(environ) == signals


def test_only_http_can_be_sent() -> None:
    grpc = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    assert why_not_sent({}, "traces") is None
    assert why_not_sent(grpc, "traces") == "OTEL_EXPORTER_OTLP_PROTOCOL is grpc"
    own = {**grpc, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}
    assert why_not_sent(own, "traces") is None
    assert why_not_sent(own, "metrics") == "OTEL_EXPORTER_OTLP_PROTOCOL is grpc"


AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
LATER = datetime(2026, 11, 30, 12, 0, 2, tzinfo=UTC)


def test_what_failed_is_an_error_and_what_nobody_told_is_no_number() -> None:
    record = replace(call(1, status="failed"), started_at=AT)
    whole = call_span("shop", "add-x", record, AT, "0123456789abcdef")
    assert (whole.error, whole.attributes["error.type"]) == ("failed", "failed")
    cut = ApiRequest(
        id="r-1",
        model="m",
        usage=ModelUsage(input_tokens=5, output_tokens=3),
        started_at=AT,
        estimated=frozenset({"output_tokens"}),
    )
    refused = ApiRequest(model="m", started_at=AT, ended_at=LATER, ended=True)
    timeless = ApiRequest(id="r-2", model="m", ended=True, usage=ModelUsage(input_tokens=1))
    requests = tuple(
        RequestOfCall(request=one, cost_usd=Decimal("0.1"), cost_source="catalog")
        for one in (cut, refused, timeless)
    )
    spans = [*request_spans(whole, record, requests)]
    assert [span.error for span in spans] == ["cut", "failed"]
    assert spans == [*request_spans(whole, record, requests)]
    assert "gen_ai.usage.output_tokens" not in spans[0].attributes
    assert spans[0].attributes["gen_ai.usage.input_tokens"] == 5
    assert spans[0].attributes["agentd.cost.status"] == "at least"
    assert (spans[1].began, spans[1].ended) == (AT, LATER)


@pytest.mark.parametrize(("code", "error"), [(0, None), (6, None), (5, "exit code 5")])
def test_a_loop_that_waits_for_a_person_has_not_failed(code: int, error: str | None) -> None:
    span = run_span("shop", "add-x", "0" * 16, began=AT, ended=LATER, exit_code=code)
    assert (span.error, span.attributes["agentd.exit_code"]) == (error, code)
