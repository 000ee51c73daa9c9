"""A report as Markdown, made for a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from agentd import text
from agentd.metering.money import usd
from agentd.metering.partial import bound
from agentd.metering.unpriced import UNKNOWN, UNPRICED
from agentd.reports.formats import words
from agentd.reports.model import Report, Style, Sums, difference, with_gone
from agentd.text import counted

_MOST_BYTES = 65_536  # GitHub's limit is as many characters, so this one holds however it counts
_LEFT_OUT_BYTES = 200  # room for the line that tells how many rows are left out
_OPEN_ROWS = 10


def render(report: Report, *, style: Style, base: Report | None = None) -> str:
    """A title, the total, the difference to the base, and a table, folded if it is long.

    Names stand as code, so that nothing in them is a mention, a link or a cell's end. The text
    stays below the 65,536 characters that GitHub takes; rows left out for that are counted.
    """
    del style  # where Markdown is shown is not where it is printed
    more = difference(report, base) if base else None
    head = [f"### Cost of {_plainly(report.scope)}", "", _total(report.total)]
    if more:
        head += ["", f"Against {_plainly(more.scope)}: **{words.versus(more.total)}**"]
    for note in words.notes(report):
        head += ["", note.replace("[pricing.models]", "`[pricing.models]`")]
    if not report.by:
        return "\n".join(head)
    title, sides, *rows, total = _table(with_gone(report, base) if base else report, more)
    opening, closing = [""], [total]
    if len(rows) > _OPEN_ROWS:
        opening = ["", f"<details><summary>{len(rows):,} rows</summary>", ""]
        closing += ["", "</details>"]
    room = _MOST_BYTES - _LEFT_OUT_BYTES - _size([*head, *opening, title, sides, *closing])
    shown = _fitting(rows, room)
    if left_out := len(rows) - len(shown):
        closing += ["", f"{counted(left_out, 'row')} left out: too long for a comment."]
    return "\n".join([*head, *opening, title, sides, *shown, *closing])


def _total(total: Sums) -> str:
    word, cost = bound(total.partial, total.estimated), words.cost(total)
    word = "" if cost == UNKNOWN else word
    missing = " +unpriced" if total.unpriced and cost != UNPRICED else ""
    cost = f"{word} **{cost}**{missing}"
    failed = f" ({total.failed:,} failed)" if total.failed else ""
    cached = f" ({total.tokens_cache_read:,} cached)" if total.tokens_cache_read else ""
    searches = f", {words.searches(total)}" if total.web_searches else ""
    return (
        f"{cost.lstrip()} for {counted(total.calls, 'call')}{failed}: "
        f"{total.tokens_in:,} tokens in{cached}, {total.tokens_out:,} out{searches}"
    )


def _table(report: Report, more: Report | None) -> list[str]:
    """The table's lines: its title, the sides its columns keep to, the groups, the total."""
    named = len(report.by)
    with_searches = any(group.sums.web_searches for group in report.groups)

    def figures(sums: Sums, marks: Callable[[Sums], str] = words.marks) -> list[str]:
        tokens = (sums.tokens_in, sums.tokens_cache_read, sums.tokens_out)
        searches = (sums.web_searches,) if with_searches else ()
        counts = (sums.calls, sums.failed, *tokens, *searches)
        return [*(f"{count:,}" for count in counts), f"{words.cost(sums)} {marks(sums)}".strip()]

    titles = ["calls", "failed", "in", "cached", "out", "cost"]
    if with_searches:
        titles.insert(-1, "searches")
    cells = [
        [*report.by, *titles],
        [*["---"] * named, *["---:"] * len(titles)],
        *([*map(_code, group.names), *figures(group.sums)] for group in report.groups),
        ["**total**", *[""] * (named - 1), *figures(report.total, words.gap)],
    ]
    if more:
        gained = [*(group.sums for group in more.groups), more.total]
        last = ["more", "---:", *(usd(one.cost_usd, signed=True) for one in gained)]
        cells = [[*row, cell] for row, cell in zip(cells, last, strict=True)]
    return [f"| {' | '.join(row)} |" for row in cells]


def _code(name: str) -> str:
    """The name as code within a table's cell."""
    line = text.one_line(name)
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    space = " " if "`" in (line[0], line[-1]) else ""
    return f"{fence}{space}{line}{space}{fence}".replace("|", "\\|")


def _plainly(scope: str) -> str:
    """The scope as it is where Markdown sees nothing in it, else as code."""
    return scope if re.fullmatch(r"[A-Za-z0-9 .,()/-]+", scope) else _code(scope)


def _fitting(rows: list[str], room: int) -> list[str]:
    """As many of the first rows as take no more than ``room`` bytes."""
    for count, row in enumerate(rows):
        room -= _size([row])
        if room < 0:
            return rows[:count]
    return rows


def _size(lines: Iterable[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)
