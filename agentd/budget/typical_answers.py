"""How long the answers of a step have been: the medians in the ledgers of a project."""

from __future__ import annotations

from collections import defaultdict
from statistics import median_high

from agentd.errors import StateError
from agentd.project.change import all_changes
from agentd.project.layout import STATE_FILE, Project

_LEDGERS = 10


def typical_answers(project: Project, step: str) -> dict[str, int]:
    """The output tokens of one request of a step, by model: the median of its calls.

    Of those calls whose number of requests is known, in the ledgers that were written last.
    """
    written = {}
    for change in all_changes(project):
        try:
            written[change] = (change.folder / STATE_FILE).stat().st_mtime_ns
        except FileNotFoundError:
            continue
    found: dict[str, list[int]] = defaultdict(list)
    for change in sorted(written, key=lambda one: written[one], reverse=True)[:_LEDGERS]:
        try:
            calls = change.state.calls
        except StateError:
            continue
        for call in calls:
            if call.step == step and call.requests and not call.models and call.status == "ok":
                found[call.model].append(call.tokens_out // call.requests)
    return {model: median_high(lengths) for model, lengths in found.items()}
