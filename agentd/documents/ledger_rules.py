"""What is wrong with a change's STATE.yaml, as far as people who merge branches can mend it."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

from agentd.documents.report import Issue
from agentd.errors import StateError
from agentd.ledger.reading import change_of, read_state
from agentd.ledger.same_call import told_twice
from agentd.project.change import Change, archived_changes
from agentd.project.layout import STATE_FILE, Project


def ledger_issues(project: Project, folder: Path) -> list[Issue]:
    """That it can't be read, as with conflict markers; or that a call is there twice."""
    path = folder / STATE_FILE
    if not path.exists() and not path.is_symlink():
        return []
    shown = project.shown(path)
    try:
        twice = read_state(folder).twice
    except StateError as error:
        message = error.message.removeprefix(f"{path}: ")
        line = re.match(r"line ([0-9]+): ", message)
        message = message[line.end() :] if line else message
        number = int(line[1]) if line else None
        return [Issue("error", "ledger", shown, number, message, error.fix)]
    if twice:
        return [Issue("warning", "twice", shown, None, told_twice(twice, change_of(path)))]
    if (archived := archived_too(project, folder)) is not None:
        there = project.shown(archived.folder / STATE_FILE)
        told = f"a merge has left it here and in {there}; each call counts once"
        cure = f"`agentd validate --fix {folder.name}` moves its calls there, if that is all."
        return [Issue("warning", "left", shown, None, told, cure)]
    return []


def archived_too(project: Project, folder: Path) -> Change | None:
    """The same change in the archive, when a merge has left its ledger in both places."""
    if folder.parent != project.changes_dir:
        return None
    for other in archived_changes(project):
        if other.id == folder.name:
            with contextlib.suppress(StateError):
                here, there = read_state(folder), read_state(other.folder)
                made = here.created_at is not None and here.created_at == there.created_at
                if made or here.ids & there.ids:
                    return other
    return None
