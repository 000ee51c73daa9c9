"""Open changes that touch the same requirement."""

from __future__ import annotations

from collections.abc import Iterator

from agentd.frozen import frozen
from agentd.project.change import open_changes
from agentd.project.layout import Project
from agentd.specs.files import capability_of, change_specs
from agentd.specs.model import Delta, SpecError


@frozen(kw_only=True)
class Overlap:
    """A requirement that several open changes touch; ``changes`` are their ids, sorted."""

    capability: str
    requirement: str
    changes: tuple[str, ...]


def overlaps(project: Project) -> list[Overlap]:
    """What open changes have in common, by capability and name. Unreadable changes are left out."""
    touched: dict[tuple[str, str], set[str]] = {}
    for change_id, capability, delta in _open_deltas(project):
        for name, _ in delta.touched:
            touched.setdefault((capability, name), set()).add(change_id)
    return [
        Overlap(capability=capability, requirement=name, changes=tuple(sorted(ids)))
        for (capability, name), ids in sorted(touched.items())
        if len(ids) > 1
    ]


def given_by(project: Project, capability: str, requirement: str) -> dict[str, str]:
    """The open changes that add this requirement, by id, with its text; "" where one renames to it.

    In the order of their ids.
    """
    given: dict[str, str] = {}
    for change_id, where, delta in _open_deltas(project):
        if where == capability:
            texts = {block.name: block.text for block in delta.added}
            if requirement in texts or requirement in delta.former_names:
                given[change_id] = texts.get(requirement, "")
    return dict(sorted(given.items()))


def _open_deltas(project: Project) -> Iterator[tuple[str, str, Delta]]:
    """Change, capability and delta of each spec of the open changes that can be read."""
    for change in open_changes(project):
        try:
            specs = change_specs(project, change.folder)
        except SpecError:  # `agentd validate` says what is wrong with it
            continue
        for key, delta in specs:
            yield change.id, capability_of(key), delta
