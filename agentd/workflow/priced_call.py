"""A call with what was used, and each of its models at its price when it began."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from agentd.masking import masked
from agentd.metering.call import CallRecord
from agentd.metering.call_threads import with_threads
from agentd.metering.pricing import PriceBook, PricedCall
from agentd.metering.usage import UsageMetrics
from agentd.metering.words import CallStatus
from agentd.providers import maker_of
from agentd.runner.told_by_cli import Outcome


def new_call(
    call_id: str,
    step: str,
    provider: str,
    *,
    status: CallStatus,
    started_at: datetime,
    duration_ms: int,
    session_id: str | None,
) -> CallRecord:
    """A call of which nothing is known yet but that it was made."""
    return CallRecord(
        id=call_id,
        step=step,
        provider=provider,
        model="unknown",
        status=status,
        usage=UsageMetrics(),
        cost_usd=Decimal(0),
        cost_source="none",
        accuracy="exact",
        usage_source="stdout",
        duration_ms=duration_ms,
        started_at=started_at,
        session_id=session_id,
    )


def priced_call(call: CallRecord, outcome: Outcome, prices: PriceBook) -> CallRecord:
    """The call with these figures in place of its own; its ``started_at`` is to the second then."""
    at = call.started_at
    assert at is not None

    def price(usage: UsageMetrics) -> PricedCall:
        return prices.price(usage, maker=maker_of(call.provider), model=outcome.model, at=at)

    found = price(outcome.usage)
    record = replace(
        call,
        model=outcome.model,
        usage=replace(outcome.usage, web_searches=found.web_searches, variants=found.variants),
        cost_usd=found.cost_usd,
        cost_source=found.cost_source,
        accuracy=outcome.accuracy if found.why is None else "heuristic",
        usage_source=outcome.usage_source,
        started_at=at.replace(microsecond=0),
        models=found.models if len(found.models) > 1 else (),
        why=masked("; ".join(filter(None, (outcome.why, found.why))), os.environ) or None,
        requests=outcome.request_count,
        threads=None,
    )
    return with_threads(record.held(), outcome.requests, lambda usage: price(usage).cost_usd)
