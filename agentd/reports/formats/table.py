"""A report as a table for people: aligned columns, on a terminal with bars."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from agentd import text
from agentd.metering.money import usd
from agentd.reports.formats import bars, words
from agentd.reports.model import Report, Style, Sums, difference, with_gone

_SHORTEST_NAME = 12
_SHORTEST_BAR, _USUAL_BAR, _LONGEST_BAR = 5, 20, 30


class _Column(NamedTuple):
    cells: list[str]
    left: bool = False

    def width(self) -> int:
        return max(map(text.width, self.cells))


def render(report: Report, *, style: Style, base: Report | None = None) -> str:
    """A line for each group and one for the total.

    On a terminal with each group's share of the cost, a bar, and a line over the days. With
    ``base`` also what that is more than what the base had cost.
    """
    if not report.total.calls and not (base and base.total.calls):
        return f"Cost of {text.one_line(report.scope)}: no calls"
    more = difference(report, base) if base else None
    report = with_gone(report, base) if base else report
    sums = [*(group.sums for group in report.groups), report.total]
    columns = [*_names(report), *_figures(sums)]
    if more:
        gained = [*(group.sums for group in more.groups), more.total]
        columns.append(_column("MORE", (usd(one.cost_usd, signed=True) for one in gained)))
    if style.bars and report.groups and report.total.cost_usd > 0:
        columns = _drawn(columns, [one.cost_usd for one in sums], style)
    columns = _fitted(columns, len(report.by) or 1, style)
    rows = list(zip(*(column.cells for column in columns), strict=True))
    left = [place for place, column in enumerate(columns) if column.left]
    lines = text.table(rows, left=left).split("\n")
    if style.color:
        lines[0], lines[-1] = _bold(lines[0]), _bold(lines[-1])
    head = f"Cost of {text.one_line(report.scope)}"
    return "\n".join([head, "", *lines, *_below(report, more, style)])


def _names(report: Report) -> list[_Column]:
    if not report.by:
        return [_Column(["", "total"], left=True)]
    columns = []
    for place, title in enumerate(report.by):
        names = [text.one_line(group.names[place]) for group in report.groups]
        columns.append(_Column([title.upper(), *names, "" if place else "total"], left=True))
    return columns


def _figures(sums: list[Sums]) -> list[_Column]:
    searches = [one.web_searches for one in sums]
    columns = [
        _counts("CALLS", (one.calls for one in sums)),
        _counts("FAILED", (one.failed for one in sums)),
        _counts("IN", (one.tokens_in for one in sums)),
        _counts("CACHED", (one.tokens_cache_read for one in sums)),
        _counts("OUT", (one.tokens_out for one in sums)),
        *([_counts("SEARCHES", searches)] if any(searches) else ()),
        _column("COST", map(words.cost, sums)),
    ]
    marks = [*map(words.marks, sums[:-1]), words.gap(sums[-1])]
    if any(marks):
        columns.append(_Column(["", *marks], left=True))
    return columns


def _column(title: str, cells: Iterable[str]) -> _Column:
    return _Column([title, *cells])


def _counts(title: str, counts: Iterable[int]) -> _Column:
    return _column(title, (f"{count:,}" for count in counts))


def _width(columns: list[_Column]) -> int:
    return sum(column.width() + 2 for column in columns) - 2


def _drawn(columns: list[_Column], costs_usd: list[Decimal], style: Style) -> list[_Column]:
    """The columns with shares and bars, with bars only, or as they are: what there is room for.

    The last cost is the total.
    """
    shares = _column("SHARE", (bars.share(cost_usd, costs_usd[-1]) for cost_usd in costs_usd))
    most = max(costs_usd[:-1])
    for wanted in ([*columns, shares], columns):
        room = min(style.width - _width(wanted) - 2, _LONGEST_BAR) if style.width else _USUAL_BAR
        if room >= _SHORTEST_BAR:
            lengths = (bars.bar(one, most, room, ascii_only=style.ascii) for one in costs_usd[:-1])
            return [*wanted, _Column(["", *lengths, ""], left=True)]
    return columns


def _fitted(columns: list[_Column], named: int, style: Style) -> list[_Column]:
    """The columns, the longest names cut as far as it takes, and goes, to fit into a terminal."""
    over = _width(columns) - style.width if style.width else 0
    widths = [column.width() for column in columns[:named]]
    while over > 0 and max(widths) > _SHORTEST_NAME:
        widths[widths.index(max(widths))] -= 1
        over -= 1
    mark = "..." if style.ascii else "…"
    names = [
        _Column([text.cut(cell, columns, mark) for cell in column.cells], left=True)
        for column, columns in zip(columns[:named], widths, strict=True)
    ]
    return [*names, *columns[named:]]


def _bold(line: str) -> str:
    return f"{text.BOLD}{line}{text.USUAL}"


def _below(report: Report, more: Report | None, style: Style) -> list[str]:
    lines = words.notes(report)
    if more:
        lines.insert(0, f"Against {text.one_line(more.scope)}: {words.versus(more.total)}")
    if style.bars and (days := bars.sparkline(report.days, style.width, ascii_only=style.ascii)):
        lines.append(days)
    return ["", *lines] if lines else []
