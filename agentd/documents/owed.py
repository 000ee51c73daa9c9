"""Which documents a change owes: a spec is none of them where it touches no spec."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable

from agentd.documents.openspec_metadata import skips_specs
from agentd.errors import StateError
from agentd.late_pattern import late_pattern
from agentd.ledger.run_folders import run_dirs
from agentd.markdown.document import scan
from agentd.project.change import Change

_NO_SPECS = late_pattern(
    r"[ \t]*[-*+][ \t]+(?:\*\*)?Specs(?:\*\*)?:(?:\*\*)?[ \t]*none\b", re.IGNORECASE
)
PROPOSING = ("proposal", "fillback")
"""The steps that write a change's first documents; the step table is above, a test compares."""


def missing(change: Change, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the documents of the step table that the change owes, and that are not there."""
    gone = [name for name in names if not change.documents(name)]
    return tuple(name for name in gone if name != "specs" or owes_specs(change))


def owes_specs(change: Change) -> bool:
    """Whether it must have a spec: not where it says so, as one does that changes tooling alone.

    Nor, with OpenSpec, which archives a change without, where agentd did not propose it.
    """
    if says_no_specs(change):
        return False
    by_hand = change.project.layout == "openspec" and not _is_proposed_here(change)
    return not (by_hand and change.documents("proposal.md") and change.documents("tasks.md"))


def says_no_specs(change: Change) -> bool:
    """Whether it says that it touches no spec: ``- Specs: none`` in its proposal does, too."""
    if skips_specs(change):
        return True
    document = scan(change.text("proposal.md") or "")
    return any(
        _NO_SPECS.match(line) and document.is_prose(index)
        for index, line in enumerate(document.lines)
    )


def _is_proposed_here(change: Change) -> bool:
    """Whether a step of agentd wrote, or was to write, its first documents."""
    if any(f"-{step}-" in run.name for run in run_dirs(change.runs_dir) for step in PROPOSING):
        return True
    with contextlib.suppress(StateError):  # none, or `agentd validate` says what is wrong with it
        return any(call.step in PROPOSING for call in change.state.calls)
    return False
