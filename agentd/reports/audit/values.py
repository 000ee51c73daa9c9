"""What a call can't be, whatever it cost: checked by its entry in the ledger alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import get_args

from agentd.clock import iso
from agentd.metering.call import Accuracy, CallRecord, CallStatus, CostSource, UsageSource
from agentd.metering.money import usd
from agentd.metering.usage import ModelUsage, add
from agentd.reports.audit.findings import STATE_FIX, Problem

TOKEN_KEYS = (
    "tokens_in",
    "tokens_out",
    "tokens_cache_read",
    "tokens_cache_write",
    "tokens_reasoning",
    "tokens_cache_write_1h",
)
"""The ledger's names of ``ModelUsage.counts()``."""

_WORDS = {
    "status": frozenset(get_args(CallStatus)),
    "cost_source": frozenset(get_args(CostSource)),
    "accuracy": frozenset(get_args(Accuracy)),
    "usage_source": frozenset(get_args(UsageSource)),
}
_CLOCK_SKEW = timedelta(minutes=5)  # another machine may have written the entry


def check_values(call: CallRecord, now: datetime) -> Iterator[Problem]:
    """Words, token counts and a time that no call has."""
    for key, known in _WORDS.items():
        if (word := getattr(call, key)) not in known:
            expected = ", ".join(sorted(known))
            yield Problem(
                "values", f"{key} is {word}; expected one of {expected}", word, None, STATE_FIX
            )
    yield from _check_counts("", call.usage)
    for part in call.models:
        yield from _check_counts(f"model {part.model}: ", part.usage)
    if call.started_at is not None and call.started_at > now + _CLOCK_SKEW:
        yield Problem(
            "values",
            f"timestamp {iso(call.started_at)} is in the future (now: {iso(now)})",
            iso(call.started_at),
            None,
            STATE_FIX,
        )


def check_parts(call: CallRecord) -> Iterator[Problem]:
    """``models`` must add up to the call, to the last digit."""
    if not call.models:
        return
    total = add(part.usage for part in call.models)
    for key, whole, summed in zip(TOKEN_KEYS, call.usage.counts(), total.counts(), strict=True):
        if whole != summed:
            yield Problem(
                "parts",
                f"{key} is {whole}, but its models have {summed} together",
                whole,
                summed,
                STATE_FIX,
            )
    cost_usd = sum((part.cost_usd for part in call.models), Decimal(0))
    if cost_usd != call.cost_usd:
        yield Problem(
            "parts",
            f"cost_usd is {usd(call.cost_usd, None)}, but its models cost {usd(cost_usd, None)} "
            "together",
            call.cost_usd,
            cost_usd,
            STATE_FIX,
            call.cost_usd - cost_usd,
        )


def _check_counts(whose: str, usage: ModelUsage) -> Iterator[Problem]:
    cached = usage.cache_read_input_tokens + usage.cache_creation_input_tokens
    limits = (
        ("tokens_cache_read + tokens_cache_write", cached, "tokens_in", usage.input_tokens),
        ("tokens_reasoning", usage.reasoning_output_tokens, "tokens_out", usage.output_tokens),
        (
            "tokens_cache_write_1h",
            usage.cache_creation_1h_input_tokens,
            "tokens_cache_write",
            usage.cache_creation_input_tokens,
        ),
    )
    for name, count, whole_name, whole in limits:
        if count > whole:
            yield Problem(
                "values",
                f"{whose}{name} is {count}, more than {whole_name} ({whole}), which holds them",
                count,
                whole,
                STATE_FIX,
            )
