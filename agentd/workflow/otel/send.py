"""The process that sends spans and metrics: they come on stdin, what went wrong goes to stdout.

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
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from agentd.clock import unix_nano
from agentd.version import __version__
from agentd.workflow.otel import names

_TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
# The buckets that the conventions advise.
_BUCKETS = {
    names.TOKENS_USED: ("{token}", [4**power for power in range(14)]),
    names.OPERATION_DURATION: ("s", [0.01 * 2**power for power in range(14)]),
}


class _Complaints(logging.Handler):
    """What the exporters complain of, without their texts: those may have the URL, a key."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        status = re.search(r"code: (\d{3})\b", record.getMessage())
        self.found[f"HTTP {status[1]}" if status else "the collector was not reached"] = None


def main() -> None:
    """Send what stdin has."""
    given = json.loads(sys.stdin.buffer.read())  # before the SDK is loaded: somebody writes to it
    complaints = _Complaints()
    logging.getLogger("opentelemetry").addHandler(complaints)
    if given["spans"]:
        _send_spans(given["spans"])
    if given["points"]:
        _send_points(given["points"])
    with contextlib.suppress(OSError):  # nobody waits any more
        os.write(1, ", ".join(complaints.found).encode())


def _send_spans(spans: Sequence[dict[str, Any]]) -> None:
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
            is_sampled = decided is Decision.RECORD_AND_SAMPLE
            flags = TraceFlags(TraceFlags.SAMPLED if is_sampled else TraceFlags.DEFAULT)
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
    if sampled := made.get_finished_spans():
        OTLPSpanExporter().export(sampled)


def _send_points(points: Sequence[dict[str, Any]]) -> None:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    # Each call has a process of its own, so nothing adds up here.
    os.environ.setdefault(_TEMPORALITY, "delta")
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(), math.inf)
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
