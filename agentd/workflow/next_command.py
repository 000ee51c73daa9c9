"""How a change goes on: the one command that `status`, errors and results name."""

from __future__ import annotations

import contextlib
import shlex
from typing import TYPE_CHECKING, NamedTuple

from agentd.documents.description import earlier_description, told_openspec
from agentd.errors import ConfigError, StateError
from agentd.files import read_plain
from agentd.ledger.state import State
from agentd.project.change import Change
from agentd.project.phases import read_phase
from agentd.workflow.decide import ARCHIVE, LOOPS, PLAN, Loop, Stop, decide
from agentd.workflow.fillback import STATE_NAME as FILLBACK

if TYPE_CHECKING:
    from agentd.config.model import Gate, WorkflowConfig


_PLANNED = ("proposal.md", "tasks.md", "specs")


class Standing(NamedTuple):
    """How a change goes on; ``next`` is None when it is archived, or a newer agentd's.

    ``waits_for`` says what a person must look at first, ``gate`` which gate that is, if it is one.
    """

    next: str | None
    waits_for: str | None = None
    gate: Gate | None = None


def next_command(change: Change) -> str:
    """The command that takes a change further, as `status` names it, also for one that is broken.

    Of an archived one it says so.
    """
    with contextlib.suppress(StateError):
        return standing(change, change.state).next or change.go_on
    return change.go_on


def standing(change: Change, state: State) -> Standing:
    """Where a change stands between the steps, by its documents and its state."""
    phase = read_phase(state.phase)
    if change.archived_on or (phase is None and state.phase):
        return Standing(None)
    if phase == "proposed" and (path := _fillback_path(change)) is not None:
        return Standing(f"agentd fillback {change.id} --path {shlex.quote(path)}")
    is_begun = state.last_action in PLAN.steps or phase not in (None, *PLAN.told_by_documents)
    if not is_begun and not (change.folder / "proposal.md").exists():
        is_known = told_openspec(change) or earlier_description(change)
        return Standing(change.go_on if is_known else f'{change.go_on} "DESCRIPTION"')
    if (gate := _waiting_gate(change, state)) is not None:
        told = f"the gate after {gate}"
        return Standing(f"{change.go_on} --approve {gate}", told, gate)
    lacking = None if phase is None else _lacking(change, phase)
    return lacking or _at_its_stop(change, state)


def _at_its_stop(change: Change, state: State) -> Standing:
    if (found := _stop(change, state)) is None:
        return Standing(change.go_on)
    loop, stop = found
    from agentd.workflow.steps import STEPS

    document = change.project.shown(change.folder / STEPS[loop.judge].writes[0])
    takes_feedback = stop.kind == "ended" and STEPS[loop.mend].takes_feedback
    more = ' --feedback "WHAT TO CHANGE"' if takes_feedback else ""
    return Standing(f"{change.go_on}{more}", f"{stop.why} ({document})")


def _lacking(change: Change, phase: str) -> Standing | None:
    """How a change goes on whose next step lacks a document that an earlier one wrote.

    Only where one of them is gone it is asked which step that is.
    """
    names = [*_PLANNED, *(("IMPLEMENTATION.md",) if phase == "implementing" else ())]
    if all(change.documents(name) for name in names) or (settings := _settings(change)) is None:
        return None
    from agentd.workflow.missing_documents import command_for, lacked
    from agentd.workflow.observed import observe

    for loop in LOOPS:
        action = decide(loop, observe(change, loop), getattr(settings, loop.limit))
        if action is None:
            continue
        step = loop.mend if isinstance(action, Stop) else action
        if step == loop.first == PLAN.first:
            return None  # it writes them
        if not (gone := lacked(change, step)):
            return None
        shown = " and ".join(change.project.shown(change.folder / name) for name in gone)
        return Standing(command_for(change, gone), f"{shown} is gone, which {step} needs")
    return None


def _fillback_path(change: Change) -> str | None:
    """The code that a fillback was begun for, and not ended."""
    if not (change.folder / FILLBACK).is_file():
        return None
    from agentd.workflow.fillback.parts import path_of

    return path_of(change.folder)


def _waiting_gate(change: Change, state: State) -> Gate | None:
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


def _stop(change: Change, state: State) -> tuple[Loop, Stop] | None:
    """The loop that only a person can move, and why; None where the next step can run."""
    loops = (loop for loop in LOOPS if state.last_action == loop.judge)
    if (loop := next(loops, None)) is None or read_phase(state.phase) in loop.done:
        return None
    if (settings := _settings(change)) is None:
        return None
    from agentd.workflow.observed import observe

    action = decide(loop, observe(change, loop), getattr(settings, loop.limit))
    return (loop, action) if isinstance(action, Stop) else None
