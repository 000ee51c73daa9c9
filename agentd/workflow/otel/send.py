"""The process that sends spans and metrics: they come on stdin.

What went wrong is kept for a later command, and goes to stdout.

The SDK is loaded in this process alone.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from agentd.clock import unix_nano
from agentd.version import __version__
from agentd.workflow.otel import names
from agentd.workflow.otel.unsent import keep_unsent

_OWN_SESSION = "OTEL_PYTHON_EXPORTER_OTLP_"
_BATCH = 512
"""Spans of a request, as the SDK's own batches: collectors bound the size of one."""
_TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
# The buckets that the conventions advise.
_BUCKETS = {
    names.TOKENS_USED: ("{token}", [4**power for power in range(14)]),
    names.OPERATION_DURATION: ("s", [0.01 * 2**power for power in range(14)]),
}


class _Failures(logging.Handler):
    """Why signals were not sent, without the exporters' texts: those may have the URL, a key."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: dict[str, None] = {}
        self.statuses: list[int] = []
        self.is_failed = False

    def emit(self, record: logging.LogRecord) -> None:
        del record
        self.is_failed = True

    def answered(self, answer: Any, *_: object, **__: object) -> None:
        """An answer of the collector."""
        self.statuses.append(answer.status_code)

    def session(self) -> Any:
        """A session of ``requests`` that tells of answers; None where the user has one."""
        if any(name.startswith(_OWN_SESSION) for name in os.environ):
            return None
        import requests

        session = requests.Session()
        session.max_redirects = 0  # older exporters would follow them, with the headers
        session.hooks["response"].append(self.answered)
        return session

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Send one signal in it; what fails is told, and no error of the other one."""
        self.is_failed, self.statuses = False, []
        try:
            yield
        except Exception as error:  # noqa: BLE001 - of the SDK's: a setting that it does not take
            named = re.search(r"\bOTEL_\w+", str(error))
            kind = type(error).__name__
            self.found[f"{named[0]} has a wrong value" if named else f"{kind} in the SDK"] = None
            return
        last = self.statuses[-1] if self.statuses else 0
        if 300 <= last < 400:
            self.found[f"HTTP {last}, a redirect, which is not followed"] = None
        elif self.is_failed:
            self.found[f"HTTP {last}" if last >= 400 else "the collector was not reached"] = None


def main() -> None:
    """Send what stdin has."""
    given = json.loads(sys.stdin.buffer.read())  # before the SDK is loaded: somebody writes to it
    failures = _Failures()
    logging.getLogger("opentelemetry.exporter").addHandler(failures)
    if given["spans"]:
        with failures.heard():
            _send_spans(given["spans"], given["is_sampled"], failures)
    if given["points"]:
        with failures.heard():
            _send_points(given["points"], failures)
    why = ", ".join(failures.found)
    keep_unsent(why)
    with contextlib.suppress(OSError):  # nobody reads it
        os.write(1, why.encode())


def _send_spans(
    spans: Sequence[dict[str, Any]], is_sampled: bool | None, failures: _Failures
) -> None:
    from opentelemetry.context import Context
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.sdk.trace.id_generator import IdGenerator
    from opentelemetry.sdk.trace.sampling import Decision
    from opentelemetry.trace import (
        NonRecordingSpan,
        SpanContext,
        SpanKind,
        Status,
        StatusCode,
        TraceFlags,
        set_span_in_context,
    )

    class Given(IdGenerator):
        """The ids of the span that is made."""

        def __init__(self) -> None:
            self.span = spans[0]

        def generate_span_id(self) -> int:
            return int(self.span["span_id"], 16)

        def generate_trace_id(self) -> int:
            return int(self.span["trace_id"], 16)

    ids, made = Given(), InMemorySpanExporter()
    provider = TracerProvider(id_generator=ids, resource=_resource(), shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(made))
    tracer = provider.get_tracer(names.SCOPE, __version__, schema_url=names.SCHEMA_URL)
    for one in spans:
        ids.span = one
        above = Context()
        if one["parent_id"]:
            trace_id, parent_id = ids.generate_trace_id(), int(one["parent_id"], 16)
            decided = provider.sampler.should_sample(None, trace_id, one["name"]).decision
            of_trace = decided is Decision.RECORD_AND_SAMPLE if is_sampled is None else is_sampled
            flags = TraceFlags(TraceFlags.SAMPLED if of_trace else TraceFlags.DEFAULT)
            parent = SpanContext(trace_id, parent_id, is_remote=True, trace_flags=flags)
            above = set_span_in_context(NonRecordingSpan(parent), above)
        span = tracer.start_span(
            one["name"],
            above,
            SpanKind.CLIENT if one["is_request"] else SpanKind.INTERNAL,
            one["attributes"],
            start_time=_nano(one["began"]),
        )
        if one["error"]:
            span.set_status(Status(StatusCode.ERROR, one["error"]))
        span.end(_nano(one["ended"]))
    sampled = made.get_finished_spans()
    exporter = OTLPSpanExporter(session=failures.session())
    for start in range(0, len(sampled), _BATCH):
        exporter.export(sampled[start : start + _BATCH])
        if failures.is_failed:  # each would wait for as long
            break


def _send_points(points: Sequence[dict[str, Any]], failures: _Failures) -> None:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    # Each call has a process of its own, so nothing adds up here.
    os.environ.setdefault(_TEMPORALITY, "delta")
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(session=failures.session()), math.inf)
    provider = MeterProvider([reader], _resource(), shutdown_on_exit=False)
    meter = provider.get_meter(names.SCOPE, __version__, schema_url=names.SCHEMA_URL)
    histograms = {
        name: meter.create_histogram(name, unit, explicit_bucket_boundaries_advisory=buckets)
        for name, (unit, buckets) in _BUCKETS.items()
    }
    for one in points:
        histograms[one["metric"]].record(one["value"], one["attributes"])
    provider.force_flush()


def _resource() -> Any:
    """agentd's, with what the environment says instead."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    own = Resource.create({"service.name": "agentd", "service.version": __version__})
    return own.merge(OTELResourceDetector().detect())


def _nano(moment: str) -> int:
    return unix_nano(datetime.fromisoformat(moment))


if __name__ == "__main__":
    main()
