"""What a call can't be, whatever it cost: checked by its entry in the ledger alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from agentd.clock import iso
from agentd.ledger.newer_words import KNOWN, unknown_words
from agentd.metering.call import CallRecord
from agentd.metering.money import usd
from agentd.metering.usage import ModelUsage, add
from agentd.reports.audit.problems import STATE_FIX, Problem

TOKEN_KEYS = (
    "tokens_in",
    "tokens_out",
    "tokens_cache_read",
    "tokens_cache_write",
    "tokens_reasoning",
    "tokens_cache_write_1h",
)
"""The ledger's names of ``ModelUsage.counts()``."""

_CLOCK_SKEW = timedelta(minutes=5)  # another machine may have written the entry


def check_values(call: CallRecord, now: datetime) -> Iterator[Problem]:
    """Token counts and a time that no call has, and words that only a newer agentd may know."""
    for key, word in sorted(unknown_words(lambda key: {getattr(call, key)})):
        yield Problem(
            "values",
            f"{key} is {word}, which this agentd does not know: a newer one may have written it "
            f"(known: {', '.join(sorted(KNOWN[key]))})",
            word,
            is_note=True,
            subject=f"{key} {word}",
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
