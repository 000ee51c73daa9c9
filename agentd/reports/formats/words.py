"""Sums in the words that the formats for people share."""

from __future__ import annotations

from agentd.metering.money import usd
from agentd.metering.partial import bound
from agentd.metering.unpriced import UNKNOWN, UNPRICED, shown_cost
from agentd.reports.model import Report, Sums
from agentd.reports.partial import told_bound
from agentd.text import counted


def cost(sums: Sums) -> str:
    """``$0.0035``; ``(local)`` where only local models answered, which have no price.

    ``unpriced`` or ``unknown`` for a 0 that is none.
    """
    return shown_cost(
        sums.cost_usd,
        unpriced=sums.unpriced,
        partial=sums.partial,
        tokens=sums.tokens_in + sums.tokens_out,
        local=sums.local == sums.calls > 0,
    )


def marks(sums: Sums) -> str:
    """What must be said of a group's cost: ``(local)``, ``+unpriced``, ``at least``, ``about``."""
    local = "(local)" if sums.local and cost(sums) != "(local)" else ""
    return f"{local} {gap(sums)}".strip()


def gap(sums: Sums) -> str:
    """``+unpriced`` where calls without a price are missing, and the bound of partial ones."""
    if cost(sums) == UNKNOWN:
        return ""
    missing = "+unpriced" if sums.unpriced and cost(sums) != UNPRICED else ""
    return " ".join(filter(None, (missing, bound(sums.partial, sums.estimated))))


def searches(sums: Sums) -> str:
    """``1 web search``, ``2 web searches``."""
    return f"{sums.web_searches:,} web search{'' if sums.web_searches == 1 else 'es'}"


def notes(report: Report) -> list[str]:
    """Sentences on what the total does not hold."""
    local, unpriced = report.total.local, report.total.unpriced
    said = []
    if local:
        said.append(f"{counted(local, 'call')} went to local models, which cost nothing.")
    if unpriced:
        said.append(
            f"{counted(unpriced, 'call')} used tokens that no price is known for: the total is "
            "too low by them. Give their models prices in [pricing.models]."
        )
    if least := told_bound(report.total, report.total.cost_usd, report.whys):
        said.append(least)
    if report.not_imported and (told := report.not_imported.told()):
        said.append(told)
    return said


def versus(more: Sums) -> str:
    """How much more was spent: ``+$0.1234, +3 calls, …``."""
    calls = "call" if abs(more.calls) == 1 else "calls"
    return (
        f"{usd(more.cost_usd, signed=True)}, {signed(more.calls)} {calls}, "
        f"{signed(more.tokens_in)} tokens in, {signed(more.tokens_out)} tokens out"
    )


def signed(count: int) -> str:
    """``+3``, ``-3``, ``0``."""
    return f"{count:+,d}" if count else "0"
