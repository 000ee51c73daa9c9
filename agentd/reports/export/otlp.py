"""Calls as spans in OTLP's JSON, a line for each: what an OTLP file receiver reads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from agentd.metering.call import CallRecord
from agentd.metering.makers import provider_of, read_name
from agentd.providers import maker_of
from agentd.reports.export import Options, Text
from agentd.reports.export import gen_ai_names as names
from agentd.reports.export.calls import Exported, ExportedCall, ended_at
from agentd.reports.export.charges import MISSING, status_of
from agentd.text import counted
from agentd.version import __version__

_INTERNAL, _ERROR = 1, 2
_BEGIN, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2554, 1, 1, tzinfo=UTC)
"""What 64 bits of nanoseconds can tell."""
_TIMELESS = "without a time since 1970 left out: a span has one"


def render(exported: Exported, options: Options) -> Text:
    """A line of ``TracesData`` for each call; those of a change are one trace.

    The ids come from the change's and the call's, so that an export made again has the same.
    """
    del options
    timed = [one for one in exported.calls if _has_time(one)]
    lines = (_line(exported.project, one) for one in timed)
    left = len(exported.calls) - len(timed)
    return Text(
        text="".join(f"{line}\n" for line in lines),
        notes=(f"{counted(left, 'call')} {_TIMELESS}",) if left else (),
    )


def _has_time(one: ExportedCall) -> bool:
    began = one.call.started_at
    return began is not None and _BEGIN <= began < _LAST


def _line(project: str, one: ExportedCall) -> str:
    import json

    resource = _attributes([("service.name", "agentd"), ("service.version", __version__)])
    data = {
        "resourceSpans": [
            {
                "resource": {"attributes": resource},
                "scopeSpans": [
                    {
                        "scope": {"name": names.SCOPE, "version": __version__},
                        "spans": [_span(project, one)],
                        "schemaUrl": names.SCHEMA_URL,
                    }
                ],
            }
        ]
    }
    return json.dumps(data, separators=(",", ":"))


def _span(project: str, one: ExportedCall) -> dict[str, Any]:
    call = one.call
    began = call.started_at or _BEGIN
    ended = min(ended_at(began, call.duration_ms), _LAST)
    span: dict[str, Any] = {
        "traceId": _id(16, project, one.change_id),
        "spanId": _id(8, one.change_id, call.id, began.isoformat()),
        "name": f"{names.INVOKE_AGENT} {call.provider}" if call.provider else names.INVOKE_AGENT,
        "kind": _INTERNAL,
        "startTimeUnixNano": _nano(began),
        "endTimeUnixNano": _nano(ended),
        "attributes": _attributes(_told(project, one)),
    }
    if call.status != "ok":
        span["status"] = {"code": _ERROR, "message": call.status}
    return span


def _told(project: str, one: ExportedCall) -> Iterator[tuple[str, str | int | Decimal | None]]:
    call, status = one.call, status_of(one.call)
    yield names.OPERATION, names.INVOKE_AGENT
    yield names.PROVIDER, _provider(call)
    yield names.AGENT, call.provider
    yield names.RESPONSE_MODEL, call.model
    yield names.CONVERSATION, call.session_id
    yield names.ERROR_TYPE, None if call.status == "ok" else call.status
    if status != "unknown":
        for name, field in names.USAGE.items():
            yield name, int(getattr(call.usage, field))
    if status not in MISSING:
        yield names.COST_AMOUNT, call.cost_usd
        yield names.COST_CURRENCY, "USD"
    yield names.COST_SOURCE, call.cost_source
    yield names.COST_STATUS, status
    yield names.PROJECT, project
    yield names.CHANGE, one.change_id
    yield names.STEP, call.step
    yield names.CALL, call.id or None


def _provider(call: CallRecord) -> str:
    """Who answered, by the name that the conventions have; the config's where nobody tells."""
    read, maker = read_name(call.model), provider_of(call.model)
    name = read.host or (maker if maker != "unknown" else maker_of(call.provider))
    return names.PROVIDERS.get(name or "", name or call.provider or "unknown")


def _attributes(pairs: Any) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in pairs if value is not None]


def _value(value: str | int | Decimal) -> dict[str, Any]:
    match value:
        case Decimal():
            return {"doubleValue": float(value)}  # OTLP knows no exact numbers
        case int():
            return {"intValue": str(value)}
        case _:
            return {"stringValue": value}


def _id(size: int, *parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[: 2 * size]


def _nano(moment: datetime) -> str:
    return str((moment - _BEGIN) // timedelta(microseconds=1) * 1000)
