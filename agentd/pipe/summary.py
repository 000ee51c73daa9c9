"""The summary of a run, as a line of text or as JSON."""

from __future__ import annotations

import json

from agentd.metering.money import decimal_text, usd
from agentd.pipe.line_totals import LineTotals

QUOTA = "quota exceeded"


def summary_text(totals: LineTotals, *, ended_by: str | None, with_costs: bool) -> str:
    """``summary: lines=5 (failed=1) tokens=30 (in=20 out=10) cost=$0.000300``.

    ``ended_by`` says what ended it before the input did: ``quota exceeded``.
    """
    head = f"summary (partial, {ended_by})" if ended_by else "summary"
    counts = f"tokens={totals.tokens} (in={totals.input_tokens} out={totals.output_tokens})"
    text = f"{head}: lines={totals.lines} (failed={totals.failed}) {counts}"
    if with_costs:
        text += f" cost={usd(totals.cost_usd, 6)}"
    return text + (f" unpriced={totals.unpriced}" if totals.unpriced else "")


def summary_json(totals: LineTotals, *, ended_by: str | None, with_costs: bool) -> str:
    """The same as one object in one line; its names are those of the lines where they can be."""
    before = {
        "version": "1",
        "lines_total": totals.lines,
        "lines_failed": totals.failed,
        "lines_unpriced": totals.unpriced,
        "tokens_input": totals.input_tokens,
        "tokens_output": totals.output_tokens,
        "tokens_total": totals.tokens,
    }
    costs = {
        "cost_input_usd": totals.input_cost_usd,
        "cost_output_usd": totals.output_cost_usd,
        "cost_usd": totals.cost_usd,
    }
    after = {
        "model": totals.model,
        "accuracy": totals.accuracy,
        "approximate": totals.accuracy != "exact" or totals.unpriced > 0 or totals.incomplete,
        "quota_hit": ended_by == QUOTA,
        "ended_by": ended_by,
    }
    members = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in before.items()]
    if with_costs:
        members += [f"{json.dumps(name)}: {decimal_text(amount)}" for name, amount in costs.items()]
    members += [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in after.items()]
    return "{" + ", ".join(members) + "}"
