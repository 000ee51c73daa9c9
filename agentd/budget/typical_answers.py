"""How long the answers of a step have been: the medians over all calls of a project."""

from __future__ import annotations

from collections import defaultdict
from statistics import median_high

from agentd.errors import StateError
from agentd.ledger.all_rows import read_rows
from agentd.project.change import all_changes
from agentd.project.layout import Project


def typical_answers(project: Project, step: str) -> dict[str, int]:
    """The output tokens of one request of a step, by model: the median of its calls.

    Of those calls whose number of requests is known. Where several models answered one, each of
    the smaller ones is taken to have had one request, as for a title or a summary.
    """
    unreadable: list[StateError] = []  # whoever needs these ledgers tells
    found: dict[str, list[int]] = defaultdict(list)
    for row in read_rows(all_changes(project), unreadable):
        if row.step != step or not row.requests or row.status != "ok":
            continue
        most = max(row.parts, key=lambda part: part.tokens_out, default=row)
        own = max(1, row.requests - len(row.parts[1:]))
        found[most.model].append(most.tokens_out // own)
    return {model: median_high(lengths) for model, lengths in found.items()}
