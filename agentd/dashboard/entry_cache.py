"""What was read of changes, kept until their files change: a second start reads little."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agentd.dashboard.entry import Entry, key_of, stamp_of
from agentd.files import FileStamp
from agentd.ledger import cache
from agentd.ledger.all_rows import is_settled
from agentd.project.change import Change
from agentd.project.layout import Project

_FORM = 5
"""Of what is kept: another one with each change of a row."""


class KeptEntries:
    """Entries by folder, of a config as it was then."""

    def __init__(self, project: Project, config: FileStamp | None) -> None:
        self._path = cache.path_of("dashboard", str(project.root))
        self._head = _FORM, config
        head, kept = cache.load(self._path) or (None, {})
        self._kept: dict[str, Any] = kept if config is not None and head == self._head else {}

    def get(self, change: Change) -> Entry | None:
        """The entry of a change that is as it was."""
        kept = self._kept.get(str(change.folder))
        if kept is None or kept[0] != stamp_of(change):
            return None
        return Entry(key_of(change), change, *kept)

    def save(self, entries: Iterable[Entry]) -> None:
        """Keep those whose ledger can't change unseen."""
        kept = {
            str(one.change.folder): tuple(one[2:])
            for one in entries
            if is_settled(one.stamp[0]) and not one.row["problem"]
        }
        if kept.keys() != self._kept.keys() or any(
            self._kept[key][0] != one[0] for key, one in kept.items()
        ):
            cache.save(self._path, (self._head, kept))


def load(project: Project, config: FileStamp | None) -> KeptEntries:
    """What was kept of a project."""
    return KeptEntries(project, config)
