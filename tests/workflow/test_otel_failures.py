"""OpenTelemetry: what a collector that fails costs, and how it is told."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from support.otel_box import ENDPOINT, challenge_box, sender
from support.webhook import webhook
from support.workflow_box import put_change, state_of

from agentd.workflow.otel.tracing import Tracing
from agentd.workflow.otel.unsent import keep_unsent


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
