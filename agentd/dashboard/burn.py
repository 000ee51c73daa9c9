"""How fast money goes, and when what is left will be gone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from typing import NamedTuple

from agentd.dashboard.ledger_sums import Cell
from agentd.metering.money import EXACT

_WINDOWS_S = (3_600, 86_400, 7 * 86_400, 30 * 86_400)
LONGEST_S = _WINDOWS_S[-1]
_SHORTEST_S = 60
_FARTHEST = timedelta(days=3650)


class Burn(NamedTuple):
    """What was spent in an hour, on average over the last ``window_s`` seconds."""

    usd_per_hour: Decimal
    tokens_per_hour: Decimal
    window_s: int


def burn_rate(cells: Iterable[Cell], now: datetime) -> Burn | None:
    """The rate over the last hour; where nothing was spent in it over a day, a week, 30 days.

    Where the first call of all is younger than that, over the time since then. None where nothing
    was spent in 30 days. A call of a clock that is ahead counts from its time on.
    """
    now_s = now.timestamp()
    ages = ((now_s - cell.minute * 60, cell) for cell in cells if cell.minute is not None)
    timed = [(age_s, cell) for age_s, cell in ages if age_s >= 0]
    oldest_s = max((age_s for age_s, _ in timed), default=0.0)
    for window_s in _WINDOWS_S:
        recent = [cell for age_s, cell in timed if age_s <= window_s]
        if not recent:
            continue
        over_s = int(max(_SHORTEST_S, min(window_s, oldest_s)))
        hours = Decimal(over_s) / 3600
        tokens = sum(cell.tokens_in + cell.tokens_out for cell in recent)
        with localcontext(EXACT):
            spent_usd = sum((cell.cost_usd for cell in recent), Decimal(0))
        return Burn(spent_usd / hours, Decimal(tokens) / hours, over_s)
    return None


def runs_out_at(left: Decimal | int | None, per_hour: Decimal, now: datetime) -> datetime | None:
    """When ``left`` is used up at this rate; None without a limit, and for ten years and more."""
    if left is None or per_hour <= 0:
        return None
    hours = Decimal(left) / per_hour
    if hours >= Decimal(_FARTHEST.total_seconds()) / 3600:
        return None
    return now + timedelta(hours=float(hours))
