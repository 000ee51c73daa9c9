"""What the merge of a change would refuse, and other changes that touch the same requirements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from agentd.documents.report import Issue
from agentd.specs.files import capability_of
from agentd.specs.model import Delta, SpecError
from agentd.specs.overlap import OpenSpecs
from agentd.specs.plan import plan_merge

STACKED = "stacked"
"""The code of an issue that another open change settles once it is archived: no model can."""


def merge_issues(
    change: Path, deltas: Mapping[str, Delta], open_specs: OpenSpecs
) -> Iterator[Issue]:
    """A merge in memory: refusals and conflicts are errors, overlaps with others are warnings.

    ``deltas`` are the change's, by their path below ``specs/``; ``open_specs`` the project's.
    """
    try:
        plan = plan_merge(open_specs.project, change)
    except SpecError as error:
        place = f"{error.path}:{error.line}: " if error.line else f"{error.path}: "
        text = error.message.removeprefix(place)
        yield Issue("error", "merge", error.path, error.line, text, error.fix)
        return
    given = open_specs.given if plan.problems else {}
    for path, problem in plan.problems:
        names = _names_at(deltas, path, problem.line)
        others = [other for name in names for other in given.get(name, ()) if other != change.name]
        if others:
            text = f"{problem.message}: the open change {others[0]} adds it"
            fix = f"Archive that first: agentd run {others[0]}"
            yield Issue("error", STACKED, path, problem.line, text, fix)
        else:
            yield Issue("error", "merge", path, problem.line, problem.message)
    for path, conflict in plan.conflicts:
        text = f'"{conflict.name}" changed in the main spec since the proposal; the edits clash'
        fix = "Let the change's text hold both edits."
        yield Issue("error", "conflict", path, conflict.line, text, fix)
    for path, warning in plan.warnings:
        yield Issue("warning", "merge", path, warning.line, warning.message)
    yield from _overlap_issues(change, deltas, open_specs)


def _names_at(
    deltas: Mapping[str, Delta], path: str, line: int | None
) -> Iterator[tuple[str, str]]:
    """The requirements that a line of a delta touches, by capability and name."""
    for key, delta in deltas.items():
        for name, at in delta.touched:
            if delta.path == path and at == line:
                yield capability_of(key), name


def _overlap_issues(
    change: Path, deltas: Mapping[str, Delta], open_specs: OpenSpecs
) -> Iterator[Issue]:
    places = {
        (capability_of(key), name): (delta.path, line)
        for key, delta in deltas.items()
        for name, line in delta.touched
    }
    for overlap in open_specs.overlaps:
        place = places.get((overlap.capability, overlap.requirement))
        if place and change.name in overlap.changes:
            names = ", ".join(name for name in overlap.changes if name != change.name)
            text = f'"{overlap.requirement}" is changed by {names} too'
            fix = "The one archived later is merged three ways, or stops at a conflict."
            yield Issue("warning", "overlap", *place, text, fix)
