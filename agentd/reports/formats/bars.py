"""Amounts as bars: one per row, or a line of them over time."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from agentd.metering.money import usd
from agentd.reports.model import Spent

_EIGHTHS = " ▏▎▍▌▋▊▉"
_LEVELS = ("▁▂▃▄▅▆▇█", "_.:-=+*#")


def bar(amount: Decimal, most: Decimal, columns: int, *, ascii_only: bool) -> str:
    """A bar of ``amount``, where ``most`` fills all ``columns``; empty for nothing."""
    if amount <= 0:
        return ""
    eighths = max(int(amount * columns * 8 / most), 1)
    if ascii_only:
        return "#" * max(eighths // 8, 1)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + _EIGHTHS[rest].strip()


def share(amount: Decimal, total: Decimal) -> str:
    """``61%``; ``<1%`` for something that rounds to nothing."""
    if amount <= 0:
        return "0%"
    percent = int(amount * 100 / total + Decimal("0.5"))
    return f"{percent}%" if percent else "<1%"


def sparkline(days: Sequence[Spent], columns: int, *, ascii_only: bool) -> str:
    """``2026-11-01 ▁▂▇ 2026-11-30, most $1.2000 on 2026-11-12``; empty for less than two days.

    The lowest sign is nothing spent. With more days than there is room in ``columns`` (0: room
    for all), a sign stands for several.
    """
    if len(days) < 2:
        return ""
    most = max(days, key=lambda day: day.cost_usd)
    before, after = days[0].name, f"{days[-1].name}, most {usd(most.cost_usd)} on {most.name}"
    room = max(columns - len(f"{before}  {after}"), 10) if columns else len(days)
    signs = _signs([day.cost_usd for day in days], room, _LEVELS[ascii_only])
    return f"{before} {signs} {after}"


def _signs(amounts: Sequence[Decimal], room: int, levels: str) -> str:
    step = -(-len(amounts) // room)
    sums = [sum(amounts[at : at + step], Decimal(0)) for at in range(0, len(amounts), step)]
    highest = max(sums)
    top = len(levels) - 1
    return "".join(
        levels[max(1, min(top, int(amount * top / highest + Decimal("0.5"))))]
        if amount > 0
        else levels[0]
        for amount in sums
    )
