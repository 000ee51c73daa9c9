"""Changes, calls and requests as spans; how they are written down is for others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from hashlib import sha256

from agentd.clock import ended_at
from agentd.errors import Paused
from agentd.frozen import frozen
from agentd.metering.call import CallRecord
from agentd.metering.cost_status import MISSING, CostStatus, status_of
from agentd.metering.makers import provider_of, read_name
from agentd.metering.usage import ModelUsage
from agentd.providers import maker_of
from agentd.workflow.otel import names
from agentd.workflow.priced_request import RequestOfCall

Value = str | int | Decimal


@frozen(kw_only=True)
class Span:
    """A span; ids are hexadecimal digits, times UTC.

    ``parent_id`` is None for one without a parent, ``error`` says why it failed, None where it did
    not. ``is_request``: another server answered it.
    """

    trace_id: str
    span_id: str
    name: str
    began: datetime
    ended: datetime
    attributes: Mapping[str, Value]
    parent_id: str | None = None
    error: str | None = None
    is_request: bool = False


def run_id(change_id: str, began: datetime) -> str:
    """The id of the span of a loop over this change that began then."""
    return _id(8, change_id, "run", began.isoformat())


def run_span(
    project: str,
    change_id: str,
    span_id: str,
    *,
    began: datetime,
    ended: datetime,
    exit_code: int,
) -> Span:
    """A loop over a change; one that ends as it waits for a person is no error.

    All spans of a change are one trace.
    """
    error = None if exit_code in {0, Paused.exit_code} else f"exit code {exit_code}"
    return Span(
        trace_id=_id(16, project, change_id),
        span_id=span_id,
        name=f"{names.INVOKE_WORKFLOW} agentd",
        began=began,
        ended=max(began, ended),
        attributes=_given(
            {
                names.OPERATION: names.INVOKE_WORKFLOW,
                names.ERROR_TYPE: error and str(exit_code),
                names.PROJECT: project,
                names.CHANGE: change_id,
                names.EXIT_CODE: exit_code,
            }
        ),
        error=error,
    )


def call_span(
    project: str, change_id: str, call: CallRecord, began: datetime, parent_id: str | None = None
) -> Span:
    """A call; the ids come from the change's and the call's, so one made again has the same.

    ``began`` is the call's own begin.
    """
    status = status_of(call)
    failed = None if call.status == "ok" else call.status
    return Span(
        trace_id=_id(16, project, change_id),
        span_id=_id(8, change_id, call.id, began.isoformat()),
        parent_id=parent_id,
        name=f"{names.INVOKE_AGENT} {call.provider}" if call.provider else names.INVOKE_AGENT,
        began=began,
        ended=ended_at(began, call.duration_ms),
        attributes=_given(
            {
                names.OPERATION: names.INVOKE_AGENT,
                names.PROVIDER: answered_by(call, call.model),
                names.AGENT: call.provider,
                names.RESPONSE_MODEL: call.model,
                names.CONVERSATION: call.session_id,
                names.ERROR_TYPE: failed,
                **({} if status == "unknown" else _counts(call.usage)),
                **_cost(call.cost_usd, call.cost_source, status),
                names.PROJECT: project,
                names.CHANGE: change_id,
                names.STEP: call.step,
                names.CALL: call.id or None,
            }
        ),
        error=failed,
    )


def request_spans(
    of_call: Span, call: CallRecord, requests: tuple[RequestOfCall, ...]
) -> Iterator[Span]:
    """The requests of a call of which a time is known, below its span."""
    for place, one in enumerate(requests):
        request = one.request
        began = request.started_at or request.ended_at
        if began is None:
            continue
        failed = one.end if one.end in {"cut", "failed", "error"} else None
        yield Span(
            trace_id=of_call.trace_id,
            span_id=_id(8, of_call.span_id, request.id or "", str(place)),
            parent_id=of_call.span_id,
            name=f"{names.CHAT} {request.model}",
            began=began,
            ended=max(began, request.ended_at or began),
            attributes=_given(
                {
                    names.OPERATION: names.CHAT,
                    names.PROVIDER: answered_by(call, request.model),
                    names.RESPONSE_MODEL: request.model,
                    names.RESPONSE_ID: request.id,
                    names.CONVERSATION: call.session_id,
                    names.ERROR_TYPE: failed,
                    **_counts(request.usage, request.estimated),
                    **_cost(one.cost_usd, one.cost_source, one.cost_status),
                    names.STEP: call.step,
                    names.CALL: call.id or None,
                    names.THREAD: request.thread,
                }
            ),
            error=failed,
            is_request=True,
        )


def answered_by(call: CallRecord, model: str) -> str:
    """Who answered, by the name that the conventions have; the config's where nobody tells."""
    read, maker = read_name(model), provider_of(model)
    name = read.host or (maker if maker != "unknown" else maker_of(call.provider))
    return names.PROVIDERS.get(name or "", name or call.provider or "unknown")


def _counts(usage: ModelUsage, but: frozenset[str] = frozenset()) -> dict[str, Value | None]:
    """The tokens; none of the fields that nobody told."""
    return {
        name: int(getattr(usage, field)) for name, field in names.USAGE.items() if field not in but
    }


def _cost(amount: Decimal | None, source: str, status: CostStatus) -> dict[str, Value | None]:
    known = amount is not None and status not in MISSING
    return {
        names.COST_AMOUNT: amount if known else None,
        names.COST_CURRENCY: "USD" if known else None,
        names.COST_SOURCE: source,
        names.COST_STATUS: status,
    }


def _given(values: Mapping[str, Value | None]) -> dict[str, Value]:
    return {name: value for name, value in values.items() if value is not None}


def _id(size: int, *parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()[: 2 * size]
