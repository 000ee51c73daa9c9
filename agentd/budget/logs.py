"""What a budget tells through ``logging``, to programs that use agentd as a library.

A library adds no handlers of its own. Without any, Python prints a warning to stderr by itself. So
that costs do not come there too, theirs has one that prints nothing: what exceeds is raised anyway.
"""

from __future__ import annotations

import logging
from decimal import Decimal

from agentd.budget.shares import share_of
from agentd.metering.money import EXACT
from agentd.streams import has_colors

WARNINGS = logging.getLogger("agentd.budget")
COSTS = logging.getLogger("agentd.budget.costs")
COSTS.addHandler(logging.NullHandler())


def fields_of(spent_usd: Decimal, budget_usd: Decimal) -> dict[str, object]:
    """How a budget stands, as fields of a log record."""
    return {
        "total_spent": spent_usd,
        "remaining": EXACT.subtract(budget_usd, spent_usd),
        "budget_limit": budget_usd,
        "percentage_used": share_of(spent_usd, budget_usd),
    }


def yellow(text: str) -> str:
    """The text in yellow, if all that print a warning print it plainly on a terminal."""
    handlers = _handlers_of(WARNINGS)
    return f"\x1b[33m{text}\x1b[0m" if handlers and all(map(_is_coloured, handlers)) else text


def _handlers_of(logger: logging.Logger) -> list[logging.Handler]:
    """Those that get its warnings, as ``Logger.callHandlers`` has them."""
    found: list[logging.Handler] = []
    above: logging.Logger | None = logger
    while above is not None:
        found += above.handlers
        above = above.parent if above.propagate else None
    if not found and logging.lastResort is not None:
        found = [logging.lastResort]
    return [one for one in found if one.level <= logging.WARNING]


def _is_coloured(handler: logging.Handler) -> bool:
    if not isinstance(handler, logging.StreamHandler):
        return isinstance(handler, logging.NullHandler)
    if handler.formatter is not None and type(handler.formatter) is not logging.Formatter:
        return False  # one of somebody's own may write JSON
    try:
        return has_colors(handler.stream)
    except (AttributeError, ValueError):  # no isatty, or closed
        return False
