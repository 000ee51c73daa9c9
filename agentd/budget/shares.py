"""Parts of a budget as floats."""

from __future__ import annotations

from decimal import Context, Decimal

_QUOTIENT = Context(prec=60)  # so much more than a float has that rounding twice does no harm


def share_of(spent_usd: Decimal, budget_usd: Decimal) -> float:
    """How much of a budget is spent, from 0.0 to 1.0."""
    return float(_QUOTIENT.divide(spent_usd, budget_usd))
