"""How a change goes on: the one command that `status`, errors and results name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentd.documents.description import earlier_description, told_openspec
from agentd.errors import ConfigError
from agentd.files import read_plain
from agentd.ledger.state import State
from agentd.project.change import Change
from agentd.project.phases import read_phase
from agentd.workflow.decide import ARCHIVE, IMPL, PLAN, Stop, decide

if TYPE_CHECKING:
    from agentd.config.model import Gate, WorkflowConfig


def next_command(change: Change, state: State) -> str | None:
    """The command that takes a change further; None when it is archived, or a newer agentd's."""
    phase = read_phase(state.phase)
    if change.archived_on or (phase is None and state.phase):
        return None
    if not (change.folder / "proposal.md").exists():
        is_known = told_openspec(change) or earlier_description(change)
        return change.go_on if is_known else f'{change.go_on} "DESCRIPTION"'
    if (gate := waiting_gate(change, state)) is not None:
        return f"{change.go_on} --approve {gate}"
    if _has_ended(change, state):
        return f'{change.go_on} --feedback "WHAT TO CHANGE"'
    return change.go_on


def waiting_gate(change: Change, state: State) -> Gate | None:
    """The gate that waits for a person; a config that names none is not read for that."""
    gate = _gate_at(change, state)
    if gate is None or state.feedback or gate in state.approved:
        return None
    path = change.project.config_path
    if not path.is_file() or b"gates" not in read_plain(path):
        return None
    settings = _settings(change)
    return gate if settings is not None and gate in settings.gates else None


def _settings(change: Change) -> WorkflowConfig | None:
    try:
        return change.workspace.config.workflow
    except ConfigError:  # who reads it is told
        return None


def _gate_at(change: Change, state: State) -> Gate | None:
    """The gate that a change stands at, whether the project has it or not."""
    match read_phase(state.phase):
        case "challenged":
            return "plan"
        case "complete" if state.last_action not in ARCHIVE.steps:
            return "impl"
        case "complete" if state.last_action == ARCHIVE.judge:
            from agentd.documents.verdict import verdict_of
            from agentd.workflow.steps import STEPS

            judgement = STEPS[ARCHIVE.judge].judgement
            verdict = verdict_of(change, judgement)
            return "archive" if judgement and verdict == judgement.verdicts[0] else None
        case _:
            return None


def _has_ended(change: Change, state: State) -> bool:
    """Whether its loop has ended without approval, so that only a person can move it."""
    loops = (loop for loop in (PLAN, IMPL) if state.last_action == loop.judge)
    if (loop := next(loops, None)) is None or read_phase(state.phase) in loop.done:
        return False
    if (settings := _settings(change)) is None:
        return False
    from agentd.workflow.observed import observe

    stop = decide(loop, observe(change, loop), getattr(settings, loop.limit))
    return isinstance(stop, Stop) and stop.kind == "ended"
