"""Money as the page shows it: whole cents from a dollar on, what is smaller with four decimals."""

from __future__ import annotations

from decimal import Decimal

from agentd.metering.money import usd
from agentd.metering.totals import Totals


def short_usd(amount: Decimal) -> str:
    """``$5.80``, ``$0.0140``; what is not zero never looks so."""
    return usd(amount, 2 if abs(amount) >= 1 or not amount else 4)


def cost_of(totals: Totals) -> str:
    """The cost of some calls; ``unpriced`` or ``unknown`` for a 0 that is none."""
    if not totals.total_cost_usd:
        return totals.cost_shown
    return short_usd(totals.total_cost_usd) + "+" * bool(totals.unpriced)
