"""What is wrong with a change's STATE.yaml, as far as people who merge branches can mend it."""

from __future__ import annotations

import re

from agentd.documents.report import Issue
from agentd.errors import StateError
from agentd.ledger.conflicts import undecided
from agentd.ledger.plain_files import read_file
from agentd.ledger.same_call import told_twice
from agentd.project.change import Change, moves_to
from agentd.project.layout import STATE_FILE


def ledger_issues(change: Change) -> list[Issue]:
    """That it can't be read, as with conflict markers; or that a call is there twice."""
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
    if (into := moves_to(change)) is not None:
        there = project.shown(into.folder / STATE_FILE)
        told = f"a merge has left it here and in {there}; each call counts once"
        cure = f"`agentd validate --fix {change.id}` moves its calls there"
        cure += "." if change.archived_on else ", if that is all."
        return [Issue("warning", "left", shown, None, told, cure)]
    return []
