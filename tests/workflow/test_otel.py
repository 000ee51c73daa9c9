"""OpenTelemetry: a collector sees what the ledger has, and costs no step anything."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.internal.containers import RepeatedCompositeFieldContainer
from loopback.scenario import Step
from loopback.server import LoopbackApi
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, HistogramDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from support.budget_box import APPROVED, PRICED, configure
from support.cost_box import call
from support.webhook import Webhook, webhook
from support.workflow_box import STREAM, box_with, put_change, state_of
from support.workspace import Sandbox

from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage
from agentd.workflow.otel.outside import outside_of
from agentd.workflow.otel.points import points_of
from agentd.workflow.otel.settings import wanted_signals, why_not_sent
from agentd.workflow.otel.spans import call_span, request_spans, run_span
from agentd.workflow.otel.tracing import Tracing, handed_over
from agentd.workflow.otel.unsent import keep_unsent
from agentd.workflow.priced_request import RequestOfCall

ANSWER = ModelUsage(input_tokens=900, output_tokens=40)  # $0.94
ASKING = Path(__file__).parents[1] / "standins" / "asking_cli.py"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
OPEN = {"agentd/changes/add-x/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"}


def told(attributes: RepeatedCompositeFieldContainer[KeyValue]) -> dict[str, Any]:
    return {one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in attributes}


@dataclass
class Seen:
    """What a collector got, parsed; ``raw`` are the bodies."""

    raw: list[bytes] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    points: list[tuple[str, dict[str, Any], HistogramDataPoint]] = field(default_factory=list)
    temporalities: set[int] = field(default_factory=set)
    schemas: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, hook: Webhook) -> Seen:
        seen = cls(raw=[*hook.sent])
        for path, body in zip(hook.paths, hook.sent, strict=True):
            if path == "/v1/traces":
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    seen.resources.append(told(resource.resource.attributes))
                    seen.spans += [span for scope in resource.scope_spans for span in scope.spans]
                    seen.schemas |= {scope.schema_url for scope in resource.scope_spans}
            else:
                assert path == "/v1/metrics"
                for measured in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                    seen._take_metrics(measured)
        return seen

    def _take_metrics(self, measured: Any) -> None:
        self.resources.append(told(measured.resource.attributes))
        for metric in [each for scope in measured.scope_metrics for each in scope.metrics]:
            self.temporalities.add(metric.histogram.aggregation_temporality)
            self.points += [
                (metric.name, told(point.attributes), point)
                for point in metric.histogram.data_points
            ]

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name.startswith(name)]


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


def challenge_box(folder: Path) -> Sandbox:
    box = box_with(folder, workflow="planning_iterations = 1")
    configure(box, PRICED)
    box.answer("challenge", STREAM, APPROVED)
    put_change(box, "add-x", "proposed")
    return box


@pytest.mark.parametrize("collector", [{"status": 500}, {"status": 401}, {"delay_s": 25}, None])
def test_a_collector_that_does_not_answer_costs_a_second(
    tmp_path: Path, collector: dict[str, float] | None
) -> None:
    box, patient = challenge_box(tmp_path), {"OTEL_EXPORTER_OTLP_TIMEOUT": "25"}
    began = time.monotonic()
    if collector is None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        done = box.run("plan", "add-x", **patient, **{ENDPOINT: f"http://127.0.0.1:{port}"})
        took_s = time.monotonic() - began
    else:
        with webhook(read=bytes, **collector) as hook:  # type: ignore[arg-type]
            done = box.run("plan", "add-x", **patient, **{ENDPOINT: hook.url})
            took_s = time.monotonic() - began
            assert hook.wait_for(1)
    assert took_s < 20
    assert done.returncode == 0, done.stderr
    assert "SECRETPATH" not in done.stdout + done.stderr
    [entry] = state_of(box, "add-x")["telemetry"]["calls"]
    assert (entry["status"], state_of(box, "add-x")["phase"]) == ("ok", "challenged")


def sender(url: str, **environ: str) -> str:
    """What the process that sends says, of a span and a point."""
    record = call(1)
    assert record.started_at
    span = call_span("shop", "add-x", record, record.started_at)
    return sent(handed_over([span], [*points_of(record, span, [])]), url, **environ)


def sent(data: bytes, url: str, **environ: str) -> str:
    """What the process that sends says of this."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "agentd.workflow.otel.send"],
        env={**os.environ, ENDPOINT: url, **environ},
        input=data,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode()


def test_what_the_sender_says() -> None:
    with webhook(status=401, read=bytes) as hook:
        assert sender(hook.url) == "HTTP 401"
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with webhook(status=429, read=bytes) as hook:
        assert sender(hook.url, OTEL_EXPORTER_OTLP_TIMEOUT="0.3") == "HTTP 429"
    with (
        webhook(read=bytes) as target,
        webhook(status=302, location=target.url, read=bytes) as hook,
    ):
        told = "HTTP 302, a redirect, which is not followed"
        assert sender(hook.url, OTEL_EXPORTER_OTLP_HEADERS="x-key=k3y") == told
        assert target.sent == []
    with webhook(read=bytes) as hook:
        wrong = {"OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "S3CRET"}
        assert sender(hook.url, **wrong) == "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT has a wrong value"
    gone = sender(f"http://127.0.0.1:{port}", OTEL_EXPORTER_OTLP_TIMEOUT="0.3")
    assert gone == "the collector was not reached"
    with webhook(read=bytes) as hook:
        assert sender(hook.url, OTEL_TRACES_SAMPLER="always_off") == ""
        assert hook.paths == ["/v1/metrics"]


def test_a_step_tells_once_that_an_earlier_one_reached_no_collector(tmp_path: Path) -> None:
    box, state = challenge_box(tmp_path), {"XDG_STATE_HOME": str(tmp_path / "state")}
    kept = tmp_path / "state" / "agentd" / "otel-unsent"
    told = "warning: OpenTelemetry data was not sent: HTTP 401"

    ids = iter(("add-y", "add-z", "add-u", "add-v", "add-w"))

    def step(url: str) -> str:
        put_change(box, change_id := next(ids), "proposed")
        done = box.run("challenge", change_id, **state, **{ENDPOINT: url})
        assert done.returncode == 0, done.stderr
        return done.stderr

    with webhook(status=401, read=bytes) as hook:
        assert "OpenTelemetry" not in step(hook.url)
        until_kept(kept, b"new\nHTTP 401")
        assert step(hook.url).count(told) == 1
        assert hook.wait_for(4)
        assert "OpenTelemetry" not in step(hook.url)
        assert kept.read_bytes() == b"told\nHTTP 401"
        hook.wait_for(6)
    with webhook(read=bytes) as good:
        step(good.url)
        until_kept(kept, None)
    step(hook.url)  # nobody listens there any more
    until_kept(kept, b"new\nthe collector was not reached", 30)
    done = box.run("challenge", "add-x", **state)
    assert (done.returncode, "OpenTelemetry" in done.stderr) == (0, False)  # no endpoint


def until_kept(path: Path, content: bytes | None, timeout_s: float = 15) -> None:
    """Wait until the file has this content, or until it is gone."""
    until, found = time.monotonic() + timeout_s, b""
    while time.monotonic() < until:
        found = path.read_bytes() if path.exists() else None
        if found == content:
            return
        time.sleep(0.02)
    raise AssertionError(found)


def test_a_loop_tells_what_failed_before_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv(ENDPOINT, "http://127.0.0.1:9")
    tracing = Tracing()
    assert tracing.unsent() is None
    keep_unsent("HTTP 401")
    keep_unsent("HTTP 401")
    assert tracing.unsent() == "OpenTelemetry data was not sent: HTTP 401"
    keep_unsent("HTTP 401")
    assert tracing.unsent() is None
    keep_unsent("HTTP 500")
    assert tracing.unsent() == "OpenTelemetry data was not sent: HTTP 500"
    keep_unsent("")
    keep_unsent("HTTP 500")
    monkeypatch.delenv(ENDPOINT)
    assert tracing.unsent() is None


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
