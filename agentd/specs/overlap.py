"""Open changes that touch the same requirement."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from operator import itemgetter

from agentd.frozen import frozen
from agentd.project.changes import open_changes
from agentd.project.layout import Project
from agentd.specs.files import capability_of, change_specs
from agentd.specs.model import Delta, SpecError


@frozen(kw_only=True)
class Overlap:
    """A requirement that several open changes touch; ``changes`` are their ids, sorted."""

    capability: str
    requirement: str
    changes: tuple[str, ...]


class OpenSpecs:
    """What the open changes of a project touch and add, each read once, when it is asked for."""

    def __init__(self, project: Project) -> None:
        self.project = project

    @cached_property
    def overlaps(self) -> list[Overlap]:
        """As :func:`overlaps`; one open change alone is not read."""
        return overlaps(self.project) if len(open_changes(self.project)) > 1 else []

    @cached_property
    def given(self) -> dict[tuple[str, str], dict[str, str]]:
        """As :func:`given_by_open_changes`."""
        return given_by_open_changes(self.project)


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


def given_by_open_changes(project: Project) -> dict[tuple[str, str], dict[str, str]]:
    """What the open changes add, by capability and name: the changes' ids, with their texts.

    "" where one renames another requirement to it. The ids are in order.
    """
    given: dict[tuple[str, str], dict[str, str]] = {}
    for change_id, capability, delta in sorted(_open_deltas(project), key=itemgetter(0)):
        texts = dict.fromkeys(delta.former_names, "")
        texts |= {block.name: block.text for block in delta.added}
        for name, text in texts.items():
            given.setdefault((capability, name), {})[change_id] = text
    return given


def _open_deltas(project: Project) -> Iterator[tuple[str, str, Delta]]:
    """Change, capability and delta of each spec of the open changes that can be read."""
    for change in open_changes(project):
        try:
            specs = change_specs(project, change.folder)
        except SpecError:  # `agentd validate` says what is wrong with it
            continue
        for key, delta in specs:
            yield change.id, capability_of(key), delta
