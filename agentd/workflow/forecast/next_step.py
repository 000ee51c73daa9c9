"""The step that the loops would run next on a change, told without changing anything."""

from __future__ import annotations

from pathlib import Path

from agentd.config.model import WorkflowConfig
from agentd.state.store import State
from agentd.workflow.deciding import ARCHIVE, IMPL, PLAN, Done, Run, Situation, decide
from agentd.workflow.phases import read_phase
from agentd.workflow.running import last_step
from agentd.workflow.steps import STEPS
from agentd.workflow.work import verdict_of

_LOOPS = {"challenged": IMPL, "implementing": IMPL, "complete": ARCHIVE}
_AFTER = {"plan": IMPL.first, "impl": ARCHIVE.first, "archive": None}


def next_step(change: Path, state: State, settings: WorkflowConfig) -> str | None:
    """The name of the step; None when only the move into the archive is left.

    Where a loop ended without approval it is the step that mends.
    """
    phase = read_phase(state.phase)
    if phase == "archived":
        return None
    loop = _LOOPS.get(phase or "", PLAN)
    last = last_step(change, loop, state)
    situation = Situation(
        phase=phase,
        last=last,
        iteration=state.iteration or 1,
        verdict=verdict_of(change, STEPS[loop.judge]) if last == loop.judge else None,
        asked=1,
        stuck=False,
    )
    match decide(loop, situation, getattr(settings, loop.limit)):
        case Run(step=step):
            return step
        case Done():
            return _AFTER[loop.name]
        case _:
            return loop.mend
