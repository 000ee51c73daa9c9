"""Deleting a change: its documents go, its STATE.yaml moves to the archive and counts on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from agentd.errors import InputError
from agentd.files import file_stamp, make_folders, remove_tree, sync_folder
from agentd.ledger.run_folders import run_dirs
from agentd.project.change import DELETED, Change
from agentd.project.changes import archive_dir
from agentd.project.layout import STATE_FILE
from agentd.runner import recovery
from agentd.specs.staging import take_back
from agentd.text import some_of
from agentd.workflow.unentered import enter_unentered


def check_deletable(change: Change) -> None:
    """Enter what earlier commands could not, and see that nothing is at work.

    Raises InputError, StateError for runs or a ledger that can't be read.
    """
    waiting = enter_unentered(change)
    if waiting.problems:
        raise waiting.problems[0]
    for folder in recovery.unfinished(change.runs_dir):
        if pids := recovery.living(folder):
            raise InputError(
                f"{folder.info().provider} still works in {change.project.shown(folder.path)} "
                f"(process {', '.join(map(str, pids))})",
                fix="Run the change's next step, which follows it to its end, or stop it.",
            )
    if file_stamp(change.folder / STATE_FILE) is None and run_dirs(change.runs_dir):
        raise InputError(
            f"{change.project.shown(change.folder / STATE_FILE)} is missing, so its calls would be "
            "lost",
            fix="Restore it first (git checkout).",
        )


def delete(change: Change) -> Path | None:
    """Delete a change that is held; where its STATE.yaml is now, None where it had none.

    Raises InputError when a change of its id was archived today, or not all can be removed.

    The folder moves as a whole and is emptied there: killed in between, it is an archived change
    that ``is_deleted``, and deleting it again takes the rest.
    """
    target = change.folder if change.archived_on else archive_dir(change)
    take_back(change.project, change.folder)
    if file_stamp(change.folder / STATE_FILE) is None:  # one of OpenSpec's that nobody took up
        remove_tree(change.folder)
        sync_folder(change.project.changes_dir)
        _check_gone(change, [change.folder] if change.folder.exists() else [])
        return None
    if not change.archived_on:
        change.ledger.update(last_action=DELETED)
        make_folders(target.parent)
        change.folder = change.folder.rename(target)
        sync_folder(target.parent)
        sync_folder(change.project.changes_dir)
    with os.scandir(change.folder) as entries:
        for entry in list(entries):
            if entry.is_dir(follow_symlinks=False):
                remove_tree(Path(entry.path))
            elif entry.name != STATE_FILE:
                Path(entry.path).unlink()
    _check_gone(change, [one for one in change.folder.iterdir() if one.name != STATE_FILE])
    return change.folder / STATE_FILE


def _check_gone(change: Change, left: Sequence[Path]) -> None:
    if left:
        raise InputError(
            f"{some_of(sorted(map(change.project.shown, left)))} can't be removed",
            fix="Remove it, or run the command again.",
        )
