"""A collector of OpenTelemetry's, and steps that send to it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from agentd.workflow.otel.points import points_of
from agentd.workflow.otel.spans import call_span
from agentd.workflow.otel.tracing import handed_over
from support.budget_box import APPROVED, PRICED, configure
from support.cost_box import call
from support.webhook import Webhook
from support.workflow_box import STREAM, box_with, put_change
from support.workspace import Sandbox

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


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


def challenge_box(folder: Path) -> Sandbox:
    box = box_with(folder, workflow="planning_iterations = 1")
    configure(box, PRICED)
    box.answer("challenge", STREAM, APPROVED)
    put_change(box, "add-x", "proposed")
    return box


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
