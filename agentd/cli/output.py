"""What any command may print: errors, notes of runs, and the line that names a change."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentd.cli.terminal import note, show_json
from agentd.errors import AgentdError
from agentd.masking import masked

if TYPE_CHECKING:
    from agentd.project.change import Change
    from agentd.workflow.leftovers import Leftovers


def print_error(error: AgentdError, *, as_json: bool) -> None:
    """One error: a JSON document on stdout, or what is wrong and what to do on stderr."""
    if as_json:
        show_json({"error": as_error(error)})
        return
    told = as_error(error)
    note(f"Error: {told['message']}")
    if told["fix"]:
        note(told["fix"])


def told_waiting(*waiting: Leftovers) -> bool:
    """Say on stderr which runs can't be entered; whether one of them is damaged."""
    for each in waiting:
        for sentence in each.notes:
            note(f"note: {sentence}.")
        for problem in each.problems:
            print_error(problem, as_json=False)
    return any(each.problems for each in waiting)


def change_line(change: Change) -> str:
    """The line that names a change, with what became of it: "Change: ID (archived 20261122)"."""
    became = f" ({change.became} {change.archived_on})" if change.became else ""
    return f"Change: {change.id}{became}"


def as_error(error: AgentdError) -> dict[str, str | None]:
    """The error as it stands in a JSON document; what it quotes of a CLI may hold secrets."""
    message, fix = (masked(text, os.environ) for text in (error.message, error.fix))
    return {"code": error.code, "message": message, "fix": fix}
