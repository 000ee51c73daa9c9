"""Calls as spans in OTLP's JSON, a line for each: what an OTLP file receiver reads."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from agentd.clock import unix_nano
from agentd.reports.export import Options, Text
from agentd.reports.export.calls import Exported, ExportedCall
from agentd.text import counted
from agentd.version import __version__
from agentd.workflow.otel import names
from agentd.workflow.otel.spans import Span, Value, call_span

_INTERNAL, _ERROR = 1, 2
_BEGIN, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2554, 1, 1, tzinfo=UTC)
"""What 64 bits of nanoseconds can tell."""
_TIMELESS = "without a time since 1970 left out: a span has one"


def render(exported: Exported, options: Options) -> Text:
    """A line of ``TracesData`` for each call; those of a change are one trace."""
    del options
    spans = [
        call_span(exported.project, one.change_id, one.call, one.call.started_at)
        for one in exported.calls
        if one.call.started_at is not None and _has_time(one)
    ]
    left = len(exported.calls) - len(spans)
    return Text(
        text="".join(f"{_line(span)}\n" for span in spans),
        notes=(f"{counted(left, 'call')} {_TIMELESS}",) if left else (),
    )


def _has_time(one: ExportedCall) -> bool:
    began = one.call.started_at
    return began is not None and _BEGIN <= began < _LAST


def _line(span: Span) -> str:
    import json

    resource = _attributes({"service.name": "agentd", "service.version": __version__})
    data = {
        "resourceSpans": [
            {
                "resource": {"attributes": resource},
                "scopeSpans": [
                    {
                        "scope": {"name": names.SCOPE, "version": __version__},
                        "spans": [_written(span)],
                        "schemaUrl": names.SCHEMA_URL,
                    }
                ],
            }
        ]
    }
    return json.dumps(data, separators=(",", ":"))


def _written(span: Span) -> dict[str, Any]:
    written: dict[str, Any] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": _INTERNAL,
        "startTimeUnixNano": str(unix_nano(span.began)),
        "endTimeUnixNano": str(unix_nano(min(span.ended, _LAST))),
        "attributes": _attributes(span.attributes),
    }
    if span.error:
        written["status"] = {"code": _ERROR, "message": span.error}
    return written


def _attributes(values: Mapping[str, Value]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _value(value: Value) -> dict[str, Any]:
    match value:
        case Decimal():
            return {"doubleValue": float(value)}  # OTLP knows no exact numbers
        case int():
            return {"intValue": str(value)}
        case _:
            return {"stringValue": value}
