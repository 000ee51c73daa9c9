"""Calls as text: one in a line, several in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from agentd.metering.call import CallRecord
from agentd.metering.money import usd
from agentd.metering.partial import PARTIAL, bound, is_estimate
from agentd.metering.totals import summarise
from agentd.text import table


def describe(call: CallRecord) -> str:
    """One call in one line: who, tokens, cost, time."""
    usage = call.usage
    cached = f" ({usage.cache_read_input_tokens:,} cached)" if usage.cache_read_input_tokens else ""
    status = "" if call.status == "ok" else f"{call.status}, "
    cost = usd(call.cost_usd) + (" and unpriced tokens" if summarise([call]).unpriced else "")
    tokens = f"{bound_of(call)} in {usage.input_tokens:,}{cached}".lstrip()
    return (
        f"{status}{call.provider} {call.model}, {tokens} "
        f"out {usage.output_tokens:,}, {cost}, {call.duration_ms / 1000:,.1f} s"
    )


def json_fields(call: CallRecord) -> dict[str, Any]:
    """One call for JSON: as STATE.yaml has it."""
    from agentd.clock import iso
    from agentd.ledger.call_fields import to_fields

    return {
        key: iso(value) if isinstance(value, datetime) else value
        for key, value in to_fields(call).items()
    }


def bound_of(call: CallRecord) -> str:
    """``at least`` or ``about``: what the figures of a call are; "" where all is known."""
    partial = call.accuracy == PARTIAL
    return bound(partial, is_estimate(call.accuracy, call.why))


def summary(calls: Sequence[CallRecord], verdicts: Mapping[str, str]) -> str:
    """A table of calls, with their total."""
    rows = [["STEP", "PROVIDER", "MODEL", "IN", "OUT", "COST", "TIME", "VERDICT"]]
    for call in calls:
        ended = verdicts.get(call.id, "") if call.status == "ok" else call.status
        rows.append([call.step, call.provider or "", call.model, *_figures([call]), ended])
    rows.append(["total", "", "", *_figures(calls), ""])
    return table(rows, left=(0, 1, 2, 7))


def _figures(calls: Sequence[CallRecord]) -> list[str]:
    totals = summarise(calls)
    cost = usd(totals.total_cost_usd) + ("+" if totals.unpriced else "")
    seconds = sum(call.duration_ms for call in calls) / 1000
    return [f"{totals.tokens_in:,}", f"{totals.tokens_out:,}", cost, f"{seconds:,.1f} s"]
