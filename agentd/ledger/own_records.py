"""Calls in agentd's own layout as records, from the columns of ``own_grammar``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from agentd.ledger.call_keys import guess_source
from agentd.ledger.own_grammar import Columns
from agentd.metering.call import CallRecord, PricedModel
from agentd.metering.usage import ModelUsage


def records(found: Columns) -> Iterator[CallRecord]:
    """The calls in columns of ALL keys.

    It is ``call_fields.from_fields``, three times as fast.
    """
    return map(_record, *found.values())


def _record(  # noqa: PLR0917
    call_id: str | None,
    step: str,
    provider: str | None,
    model: str,
    status: Any,
    tokens_in: str,
    tokens_out: str,
    cache_read: str | None,
    cache_write: str | None,
    cache_write_1h: str | None,
    reasoning: str | None,
    cost: str,
    source: Any,
    accuracy: Any,
    why: str | None,
    usage_source: Any,
    requests: str | None,
    duration: str | None,
    timestamp: datetime | None,
    session_id: str | None,
    budget: Any,
    models: Sequence[Any] | None,
) -> CallRecord:
    cost_usd = Decimal(cost)
    return CallRecord(
        id=call_id or "",
        step=step,
        provider=provider,
        model=model,
        status=status or "ok",
        usage=_usage(tokens_in, tokens_out, cache_read, cache_write, cache_write_1h, reasoning),
        cost_usd=cost_usd,
        cost_source=source or guess_source(cost_usd),
        accuracy=accuracy or "exact",
        usage_source=usage_source or "stdout",
        duration_ms=int(duration or 0),
        started_at=timestamp,
        session_id=session_id,
        budget=budget,
        why=why,
        requests=None if requests is None else int(requests),
        models=tuple(priced_model(*item) for item in models or ()),
    )


def _usage(  # noqa: PLR0917
    tokens_in: str,
    tokens_out: str,
    cache_read: str | None,
    cache_write: str | None,
    cache_write_1h: str | None,
    reasoning: str | None,
) -> ModelUsage:
    return ModelUsage(
        input_tokens=int(tokens_in),
        output_tokens=int(tokens_out),
        cache_read_input_tokens=int(cache_read or 0),
        cache_creation_input_tokens=int(cache_write or 0),
        cache_creation_1h_input_tokens=int(cache_write_1h or 0),
        reasoning_output_tokens=int(reasoning or 0),
    )


def priced_model(model: str, *values: Any) -> PricedModel:
    """One item of the column ``models``."""
    *counts, cost, source = values
    cost_usd = Decimal(cost)
    return PricedModel(
        model=model,
        usage=_usage(*counts),
        cost_usd=cost_usd,
        cost_source=source or guess_source(cost_usd),
    )
