"""What the threads of a call beside the main one used: subagents, side calls, the project's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import get_args

from agentd.metering.call import CallRecord, PricedModel
from agentd.metering.requests import ApiRequest, Thread, usage_of_run
from agentd.metering.thread_use import MAIN, ThreadUse, as_text
from agentd.metering.usage import UsageMetrics

_THREADS: tuple[Thread, ...] = get_args(Thread)
_SMALLEST_USD = Decimal("1e-12")


def with_threads(
    record: CallRecord, requests: Sequence[ApiRequest], cost_of: Callable[[UsageMetrics], Decimal]
) -> CallRecord:
    """The call with what its other threads used, model by model; as it is without any.

    ``cost_of`` prices requests by themselves. Where that gives nothing, or the CLI's own figure
    counts and is less, a thread has the part of the cost that it has of the tokens.
    """
    others = [one for one in requests if one.thread != MAIN and any(one.usage.counts())]
    if not others:
        return record
    if not record.models:
        return replace(record, threads=_of_share(record, others, cost_of))
    parts = []
    for part in record.models:
        same = [one for one in record.models if one.model == part.model]
        own = [
            one
            for one in others
            if (one.model or record.model) == part.model
            and (len(same) == 1 or one.variants == part.usage.variants)
        ]
        parts.append(replace(part, threads=_of_share(part, own, cost_of)))
    return replace(record, models=tuple(parts))


def _of_share(
    share: CallRecord | PricedModel,
    requests: Sequence[ApiRequest],
    cost_of: Callable[[UsageMetrics], Decimal],
) -> str | None:
    uses = []
    for thread in _THREADS:
        own = [one for one in requests if one.thread == thread]
        if own:
            usage = usage_of_run(own)
            uses.append(
                ThreadUse(
                    thread,
                    usage.input_tokens,
                    usage.output_tokens,
                    usage.cache_read_input_tokens,
                    usage.web_searches,
                    _cost(share, usage, cost_of),
                )
            )
    return as_text(uses) or None


def _cost(
    share: CallRecord | PricedModel, usage: UsageMetrics, cost_of: Callable[[UsageMetrics], Decimal]
) -> Decimal:
    if share.cost_source == "none":
        return Decimal("0.0")
    priced = cost_of(usage)
    if 0 < priced <= share.cost_usd:
        return priced
    tokens = share.usage.total_tokens
    part = share.cost_usd * min(usage.total_tokens, tokens) / tokens if tokens else Decimal(0)
    return part.quantize(_SMALLEST_USD)
