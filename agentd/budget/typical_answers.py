"""How long the answers of a step have been: the medians over all calls of a project."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median_high
from sys import intern

from agentd.errors import StateError
from agentd.ledger.all_rows import read_each_as
from agentd.ledger.rows import Row
from agentd.project.changes import all_changes
from agentd.project.layout import Project


def typical_answers(project: Project, step: str) -> dict[str, int]:
    """The output tokens of one request of a step, by model: the median of its calls.

    Of those calls whose number of requests is known. Where several models answered one, each of
    the smaller ones is taken to have had one request, as for a title or a summary.
    """
    unreadable: list[StateError] = []  # whoever needs these ledgers tells
    found: dict[str, list[int]] = defaultdict(list)
    # The rows of all calls would take ten times as long to load, before the first request of a run.
    for lengths in read_each_as("answers", _lengths, all_changes(project), unreadable):
        for model, some in lengths.get(step, {}).items():
            found[model] += some
    return {model: median_high(lengths) for model, lengths in found.items()}


def _lengths(rows: Sequence[Row]) -> dict[str, dict[str, list[int]]]:
    """The output tokens of one request of each call, by step and model."""
    lengths: dict[str, dict[str, list[int]]] = {}
    for row in rows:
        if not row.requests or row.status != "ok":
            continue
        most = max(row.parts, key=lambda part: part.tokens_out, default=row)
        own = max(1, row.requests - len(row.parts[1:]))
        models = lengths.setdefault(intern(row.step), {})  # a cache has each name once
        models.setdefault(intern(most.model), []).append(most.tokens_out // own)
    return lengths
