"""Open changes that touch the same requirement."""

from __future__ import annotations

from agentd.frozen import frozen
from agentd.project.change import open_changes
from agentd.project.layout import Project
from agentd.specs.files import capability_of, change_specs
from agentd.specs.model import SpecError


@frozen(kw_only=True)
class Overlap:
    """A requirement that several open changes touch; ``changes`` are their ids, sorted."""

    capability: str
    requirement: str
    changes: tuple[str, ...]


def overlaps(project: Project) -> list[Overlap]:
    """What open changes have in common, by capability and name. Unreadable changes are left out."""
    touched: dict[tuple[str, str], set[str]] = {}
    for change in open_changes(project):
        try:
            specs = change_specs(project, change.folder)
        except SpecError:  # `agentd validate` says what is wrong with it
            continue
        for key, delta in specs:
            for name, _ in delta.touched:
                touched.setdefault((capability_of(key), name), set()).add(change.id)
    return [
        Overlap(capability=capability, requirement=name, changes=tuple(sorted(ids)))
        for (capability, name), ids in sorted(touched.items())
        if len(ids) > 1
    ]
