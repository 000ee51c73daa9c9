"""What a ledger can't say, whatever was done: checked by its entries and totals alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from agentd.clock import iso
from agentd.ledger.call_keys import TOKEN_KEYS, WORDS, unknown_words
from agentd.ledger.own_layout import TOTALS
from agentd.ledger.state import State
from agentd.metering.call import CallRecord
from agentd.metering.money import usd
from agentd.metering.usage import ModelUsage, add
from agentd.reports.audit.problems import STATE_FIX, Problem

_ROUNDING = Decimal("1e-9")
_CLOCK_SKEW = timedelta(minutes=5)  # another machine may have written the entry


def check_values(call: CallRecord, now: datetime) -> Iterator[Problem]:
    """Token counts and a time that no call has, and words that only a newer agentd may know."""
    for key, word in sorted(unknown_words(lambda key: {getattr(call, key)})):
        yield Problem(
            "values",
            f"{key} is {word}, which this agentd does not know: a newer one may have written it "
            f"(known: {', '.join(sorted(WORDS[key]))})",
            word,
            is_note=True,
            subject=f"{key} {word}",
        )
    yield from _check_counts("", call.usage)
    for part in call.models:
        yield from _check_counts(f"model {part.model}: ", part.usage)
    if call.started_at is not None and call.started_at > now + _CLOCK_SKEW:
        at = iso(call.started_at)
        message = f"timestamp {at} is in the future (now: {iso(now)})"
        yield Problem("values", message, at, None, STATE_FIX)


def check_parts(call: CallRecord) -> Iterator[Problem]:
    """``models`` must add up to the call, to the last digit."""
    if not call.models:
        return
    total = add(part.usage for part in call.models)
    keys = (*TOKEN_KEYS, "web_searches")
    wholes, sums = ((*used.counts(), used.web_searches) for used in (call.usage, total))
    for key, whole, summed in zip(keys, wholes, sums, strict=True):
        if whole != summed:
            message = f"{key} is {whole}, but its models have {summed} together"
            yield Problem("parts", message, whole, summed, STATE_FIX)
    whole_usd, summed_usd = call.cost_usd, sum((part.cost_usd for part in call.models), Decimal(0))
    if whole_usd != summed_usd:
        costs = usd(whole_usd, None), usd(summed_usd, None)
        message = f"cost_usd is {costs[0]}, but its models cost {costs[1]} together"
        yield Problem("parts", message, whole_usd, summed_usd, STATE_FIX, whole_usd - summed_usd)


def _check_counts(whose: str, usage: ModelUsage) -> Iterator[Problem]:
    counts = dict(zip(TOKEN_KEYS, usage.counts(), strict=True))
    cached = counts["tokens_cache_read"] + counts["tokens_cache_write"]
    for name, count, whole in (
        ("tokens_cache_read + tokens_cache_write", cached, "tokens_in"),
        ("tokens_reasoning", counts["tokens_reasoning"], "tokens_out"),
        ("tokens_cache_write_1h", counts["tokens_cache_write_1h"], "tokens_cache_write"),
    ):
        if count > counts[whole]:
            more = f"more than {whole} ({counts[whole]}), which holds them"
            message = f"{whose}{name} is {count}, {more}"
            yield Problem("values", message, count, counts[whole], STATE_FIX)


def check_totals(state: State, written: Mapping[str, Decimal | None]) -> Iterator[Problem]:
    """One problem per total that is not the sum; None is one that is no number.

    The original agentd, whose calls have no id, added up in binary floating point.
    """
    rounded = any(not call.id for call in state.calls)
    cost_usd, *counts = state.totals
    for key, summed in zip(TOTALS, (cost_usd, *map(Decimal, counts)), strict=True):
        if key not in written:
            continue
        total = written[key]
        if total is None or abs(total - summed) > (_ROUNDING * (1 + summed) if rounded else 0):
            told = "no number" if total is None else f"{total:f}"
            message = f"{key} is {told}, but the calls add up to {summed:f}"
            fix = "agentd adds the totals up anew at its next write; or correct them in STATE.yaml."
            yield Problem("totals", message, total, summed, fix)
