"""The totals that a ledger's file states, against the sum of its calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from agentd.ledger.own_layout import TOTALS
from agentd.ledger.state import State
from agentd.reports.audit.problems import Problem

_ROUNDING = Decimal("1e-9")


def check_totals(state: State, written: Mapping[str, Decimal | None]) -> Iterator[Problem]:
    """One problem per total that is not the sum; None is one that is no number.

    The original agentd, whose calls have no id, added up in binary floating point.
    """
    rounded = any(not call.id for call in state.calls)
    counts = (Decimal(state.total_tokens_in), Decimal(state.total_tokens_out))
    for key, summed in zip(TOTALS, (state.total_cost_usd, *counts), strict=True):
        if key not in written:
            continue
        total = written[key]
        if total is None or abs(total - summed) > (_ROUNDING * (1 + summed) if rounded else 0):
            yield Problem(
                "totals",
                f"{key} is {'no number' if total is None else f'{total:f}'}, but the calls add up "
                f"to {summed:f}",
                total,
                summed,
                "agentd adds the totals up anew at its next write; or correct them in STATE.yaml.",
            )
