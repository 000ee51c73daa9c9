"""Calls as text: one in a line, several in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentd.metering.call import CallRecord
from agentd.metering.totals import summarise
from agentd.metering.unpriced import UNKNOWN
from agentd.reports.call_json import bound_of
from agentd.text import table


def describe(call: CallRecord) -> str:
    """One call in one line: who, tokens, cost, time."""
    usage, totals = call.usage, summarise([call])
    cached = f" ({usage.cache_read_input_tokens:,} cached)" if usage.cache_read_input_tokens else ""
    status = "" if call.status == "ok" else f"{call.status}, "
    cost = totals.cost_shown
    if totals.unpriced and call.cost_usd:
        cost += " and unpriced tokens"
    tokens_in, tokens_out = totals.tokens_shown
    used = f"{bound_of(call)} in {tokens_in}{cached} out {tokens_out}, {cost}".lstrip()
    if cost == UNKNOWN:
        used = "what it used is unknown"
    took = "" if call.duration_ms is None else f", {seconds_shown([call])}"
    return f"{status}{call.provider or '-'} {call.model}, {used}{took}"


def seconds_shown(calls: Sequence[CallRecord]) -> str:
    """How long calls took in all, ``-`` where no ledger tells it of any."""
    known = [call.duration_ms for call in calls if call.duration_ms is not None]
    return f"{sum(known) / 1000:,.1f} s" if known or not calls else "-"


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
    return [*totals.tokens_shown, totals.cost_noted, seconds_shown(calls)]
