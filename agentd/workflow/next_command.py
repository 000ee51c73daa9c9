"""How a change goes on: the one command that `status`, errors and results name."""

from __future__ import annotations

from agentd.documents.description import earlier_description, told_openspec
from agentd.ledger.state import State
from agentd.project.change import Change
from agentd.project.phases import read_phase


def next_command(change: Change, state: State) -> str | None:
    """The command that takes a change further; None when it is archived, or a newer agentd's."""
    phase = read_phase(state.phase)
    if change.archived_on or (phase is None and state.phase):
        return None
    if not (change.folder / "proposal.md").exists():
        is_known = told_openspec(change) or earlier_description(change)
        return change.go_on if is_known else f'{change.go_on} "DESCRIPTION"'
    if phase == "rejected":
        return f"agentd reproposal {change.id}"
    return change.go_on
