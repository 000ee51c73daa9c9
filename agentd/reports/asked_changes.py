"""The changes that a report is asked about, with what earlier commands could not enter entered."""

from __future__ import annotations

from typing import NamedTuple

from agentd.errors import StateError
from agentd.project.change import Change
from agentd.project.changes import archived_changes, asked_change, open_changes
from agentd.project.copies import copies_of, unreadable_copies
from agentd.project.layout import Project
from agentd.workflow.unentered import enter_unentered


class AskedChanges(NamedTuple):
    """The changes, archived ones first, and a name for them all, such as ``change add-oauth``.

    ``notes`` and ``problems`` are about runs that can't be entered and ledgers that can't be read.
    """

    changes: list[Change]
    scope: str
    notes: list[str]
    problems: list[StateError]


def asked_changes(project: Project, change_id: str | None, *, every: bool) -> AskedChanges:
    """One change with its copies (None: the one worked on last), or ``every`` one.

    Enters what earlier commands could not. Raises InputError when there is no such change.
    """
    problems: list[StateError] = []
    if every:
        at_work = open_changes(project)
        changes = [*archived_changes(project), *at_work]
        scope = f"all changes ({len(changes)})"
    else:
        change = asked_change(project, change_id)
        changes = at_work = [*copies_of(change), change]
        problems += unreadable_copies(change)
        archived = f" (archived {change.archived_on})" if change.archived_on else ""
        scope = f"change {change.id}{archived}"
    notes: list[str] = []
    for change in at_work:
        try:
            left = enter_unentered(change)
        except StateError as error:
            problems.append(error)
        else:
            notes += left.notes
            problems += left.problems
    return AskedChanges(changes, scope, notes, problems)
