"""A call and its requests for JSON, and what their figures are."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from agentd.clock import iso
from agentd.metering.call import CallRecord
from agentd.metering.partial import PARTIAL, bound, is_estimate

if TYPE_CHECKING:
    from agentd.workflow.priced_request import RequestOfCall


def call_fields(call: CallRecord) -> dict[str, Any]:
    """One call as STATE.yaml has it."""
    from agentd.ledger.call_fields import to_fields

    return {
        key: iso(value) if isinstance(value, datetime) else value
        for key, value in to_fields(call).items()
    }


def bound_of(call: CallRecord) -> str:
    """``at least`` or ``about``: what the figures of a call are; "" where all is known."""
    partial = call.accuracy == PARTIAL
    return bound(partial, is_estimate(call.accuracy, call.why, call.tokens_in + call.tokens_out))


def request_fields(one: RequestOfCall) -> dict[str, Any]:
    """One request; ``cost_usd`` is None where no price is known."""
    from agentd.ledger.call_keys import TOKEN_KEYS

    request = one.request
    return {
        "id": request.id,
        "started_at": _stamp(request.started_at),
        "ended_at": _stamp(request.ended_at),
        "duration_ms": one.duration_ms,
        "thread": request.thread,
        "model": request.model or None,
        **dict(zip(TOKEN_KEYS, request.usage.counts(), strict=True)),
        "web_searches": request.web_searches,
        "variants": dict(request.variants),
        "end": one.end,
        "is_rest": one.is_rest,
        "cost_usd": one.cost_usd,
        "exact": request.exact,
        "estimated": sorted(request.estimated),
    }


def _stamp(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
