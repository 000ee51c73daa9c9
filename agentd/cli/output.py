"""What any command may print: JSON documents to stdout, errors and notes of runs to stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentd.cli.terminal import note
from agentd.errors import AgentdError
from agentd.text import json_text

if TYPE_CHECKING:
    from agentd.workflow.unentered import Leftovers


def print_error(error: AgentdError, *, as_json: bool) -> None:
    """One error: a JSON document on stdout, or what is wrong and what to do on stderr."""
    if as_json:
        print_json({"error": as_error(error)})
        return
    note(f"Error: {error.message}")
    if error.fix:
        note(error.fix)


def told_waiting(*waiting: Leftovers) -> bool:
    """Say on stderr which runs can't be entered; whether one of them is damaged."""
    for each in waiting:
        for sentence in each.notes:
            note(f"note: {sentence}.")
        for problem in each.problems:
            print_error(problem, as_json=False)
    return any(each.problems for each in waiting)


def as_error(error: AgentdError) -> dict[str, str | None]:
    """The error as it stands in a JSON document."""
    return {"code": error.code, "message": error.message, "fix": error.fix}


def print_json(document: dict[str, Any]) -> None:
    """One JSON document; a Decimal becomes a number with exactly its digits."""
    print(json_text(document))
