"""What the comment says."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agentd.metering.money import usd

_MOST_CHARACTERS = 65_536
"""GitHub's limit."""
_PIECES = 8
"""A pie with more of them can't be read."""


def comment_body(
    marker: str,
    report: Mapping[str, Any],
    text: str,
    *,
    budget_usd: Decimal | None,
    chart: bool,
    problem: str,
) -> str:
    """The comment, with the hidden ``marker`` first.

    ``report`` is what ``agentd cost --base REV --by step --json`` prints, ``text`` its Markdown,
    ``problem`` what it could not read.
    """
    more = report["more"]["total"]
    parts = [marker, f"### {_headline(more)}"]
    if problem:
        parts.append(
            f"**Not every ledger could be read:**\n\n```\n{problem.replace('```', '')}\n```"
        )
    if budget_usd is not None and more["cost_usd"] > budget_usd:
        parts.append(
            f"**This is more than the {usd(budget_usd, None)} that a pull request may cost.**"
        )
    pieces = _pieces(report["more"]["groups"])
    if chart and len(pieces) > 1:
        parts.append("\n".join(["```mermaid", "pie title Cost by step, USD", *pieces, "```"]))
    title = "All changes, and what this pull request adds"
    folded = f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"
    room = _MOST_CHARACTERS - sum(map(len, parts)) - 2 * len(parts)
    too_long = "The table is too long for a comment: see `agentd cost --all --base`."
    return "\n\n".join([*parts, folded if len(folded) <= room else too_long])


def _headline(more: Mapping[str, Any]) -> str:
    if not more["calls"]:
        return "No call of a coding agent is recorded in this pull request"
    bound = "at least " if more["partial"] or more["unpriced"] else ""
    cost = f"{bound}{usd(Decimal(more['cost_usd']), 4)}"
    if more["unpriced"] == more["calls"]:
        cost = "an unknown amount"
    calls = "1 call" if more["calls"] == 1 else f"{more['calls']:,} calls"
    missing = f", {more['unpriced']:,} without a price" if more["unpriced"] else ""
    return f"This pull request cost {cost}: {calls}{missing}"


def _pieces(groups: list[dict[str, Any]]) -> list[str]:
    """The lines of a pie: the dearest steps, the rest as one."""
    costs = [(each["step"], each["cost_usd"]) for each in groups if each["cost_usd"] > 0]
    costs.sort(key=lambda each: -each[1])
    if len(costs) > _PIECES:
        rest = sum((cost for _, cost in costs[_PIECES - 1 :]), Decimal())
        costs = [*costs[: _PIECES - 1], ("other", rest)]
    return [f'    "{_plain(step)}" : {cost:f}' for step, cost in costs]


def _plain(name: str) -> str:
    """A name that can't end its string, nor the chart."""
    return "".join(char if char.isalnum() or char in " ._/-" else "_" for char in name)
