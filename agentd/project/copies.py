"""One change in several folders, where merges of branches leave it, and runs without a ledger."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from agentd.errors import StateError
from agentd.files import file_stamp
from agentd.project.change import Change
from agentd.project.changes import all_changes
from agentd.project.layout import STATE_FILE


def is_taken_up(change: Change) -> bool:
    """Whether agentd has a part in it; OpenSpec makes and archives changes without."""
    if file_stamp(change.folder / STATE_FILE) is not None:
        return True
    return bool(runs_without_ledger(change))


def others_of(change: Change) -> list[Change]:
    """The changes in other folders of its id, whatever their ledgers say; the open one last."""
    return [
        other
        for other in all_changes(change.project, change.id)
        if other.id == change.id and other.folder != change.folder
    ]


def copies_of(change: Change) -> list[Change]:
    """The same change in other folders, where merges have left its ledger; the open one last.

    One that was deleted shares calls with it: a new one may have been made in the same second.
    """
    found = []
    for other in others_of(change):
        with contextlib.suppress(StateError):
            here, there = change.state, other.state
            made = here.created_at is not None and here.created_at == there.created_at
            made = made and not (change.is_deleted or other.is_deleted)
            if made or here.ids & there.ids:
                found.append(other)
    return found


def runs_without_ledger(change: Change) -> list[Path]:
    """The folders of runs of a change that has no STATE.yaml, as after a deletion.

    None that is entered in another folder of the change: git leaves them where they were.
    """
    from agentd.ledger.run_folders import run_dirs, unentered

    if not (runs := run_dirs(change.runs_dir)):
        return []
    ids: set[str] = set()
    for other in others_of(change):
        with contextlib.suppress(StateError):
            ids |= other.state.ids
    waiting = unentered(change.runs_dir)
    return [path for path in runs if path.name not in ids or path in waiting]


def unreadable_copies(change: Change) -> Iterator[StateError]:
    """Why ledgers in other folders of its id, which may have calls of it, can't be read."""
    for other in others_of(change):
        try:
            _ = is_taken_up(other) and other.state
        except StateError as error:
            yield error


def moves_to(change: Change) -> Change | None:
    """The folder of the same change that is to have this one's calls: the one archived last.

    What a deletion has left goes to the folder that still has documents, and not the other way.
    """
    copies = copies_of(change)
    if change.is_deleted:
        if alive := [other for other in copies if _has_documents(other) and not other.is_deleted]:
            return alive[-1]
    elif _has_documents(change):
        copies = [other for other in copies if not other.is_deleted]
    later = [
        other
        for other in copies
        if other.archived_on and (not change.archived_on or other.folder > change.folder)
    ]
    return later[-1] if later else None


def _has_documents(change: Change) -> bool:
    return not {STATE_FILE, "runs"}.issuperset(os.listdir(change.folder))  # noqa: PTH208
