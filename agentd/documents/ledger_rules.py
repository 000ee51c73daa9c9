"""What is wrong with a change's STATE.yaml, as far as people who merge branches can mend it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from agentd.documents.report import Issue
from agentd.errors import StateError
from agentd.ledger.all_rows import Counting, counted_once, read_each
from agentd.ledger.conflicts import undecided
from agentd.ledger.plain_files import read_file
from agentd.ledger.same_call import told_twice
from agentd.project.change import Change
from agentd.project.changes import all_changes
from agentd.project.copies import moves_to
from agentd.project.layout import STATE_FILE, Project


def calls_of_others(
    project: Project, chosen: Iterable[Change]
) -> Iterator[tuple[Change, Counting]]:
    """Which of these changes have calls that count in another change, as it has them too.

    A change that several folders have is no other one. A ledger that can't be read has no calls.
    """
    every = all_changes(project)
    once = counted_once(every, read_each(every, []))
    for change in chosen:
        if found := once.get(str(change.folder)):
            others = {of: ids for of, ids in found.elsewhere.items() if of != change.id}
            yield change, found._replace(elsewhere=others)


def shared_issues(project: Project, chosen: Iterable[Change]) -> Iterator[Issue]:
    """That these changes have calls that count in another one."""
    for change, found in calls_of_others(project, chosen):
        path = project.shown(change.folder / STATE_FILE)
        yield from (Issue("warning", "shared", path, None, it) for it in found.told(change.id))


def ledger_issues(change: Change, *, alone: bool = False) -> list[Issue]:
    """That it can't be read, as with conflict markers; or that a call is there twice.

    ``alone``: no other folder has its id, which takes a look at the names of all others.
    """
    project, path = change.project, change.folder / STATE_FILE
    if not path.exists() and not path.is_symlink():
        return []
    shown = project.shown(path)
    try:
        twice = change.state.twice
    except StateError as error:
        message = error.message.removeprefix(f"{path}: ")
        line = re.match(r"line ([0-9]+): ", message)
        message = message[line.end() :] if line else message
        number = int(line[1]) if line else None
        if calls := undecided(path, read_file(path) or b""):
            told = f"of the call {calls[0]}" + f" (and {len(calls) - 1} more)" * (len(calls) > 1)
            cure = f"Keep one of the two entries {told}: neither side says more."
            cure += " Take the markers out."
            return [Issue("error", "ledger", shown, number, message, cure)]
        return [Issue("error", "ledger", shown, number, message, error.fix)]
    if twice:
        return [Issue("warning", "twice", shown, None, told_twice(twice, change.id))]
    if not alone and (into := moves_to(change)) is not None:
        there = project.shown(into.folder / STATE_FILE)
        told = f"a merge has left it here and in {there}; each call counts once"
        cure = f"`agentd validate --fix {change.id}` moves its calls there"
        cure += "." if change.archived_on else ", if that is all."
        return [Issue("warning", "left", shown, None, told, cure)]
    return []
