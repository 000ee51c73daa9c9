"""The phases of a change."""

from __future__ import annotations

from agentd.errors import InputError
from agentd.min_version import UPGRADE
from agentd.project.change import Change
from agentd.version import __version__

PHASES = ("proposed", "challenged", "rejected", "implementing", "complete", "archived")

# The names of the original agentd's later versions, read as ours.
_ORIGINAL = {
    "clarifying": "proposed",
    "drafting": "proposed",
    "specs_generated": "proposed",
    "tasks_generated": "proposed",
    "planned": "challenged",
    "testing": "implementing",
    "code_reviewing": "implementing",
    "implemented": "complete",
    "merging": "complete",
}


def read_phase(text: str | None) -> str | None:
    """One of PHASES for what STATE.yaml says; None for an absent or unknown one."""
    phase = _ORIGINAL.get(text or "", text)
    return phase if phase in PHASES else None


# The phase that each gate stands behind.
_GATES = {"plan": "challenged", "impl": "complete", "archive": "archived"}
_WAY = ("proposed", "challenged", "implementing", "complete", "archived")


def still_approved(approvals: str | None, before: str | None, after: str | None) -> str | None:
    """The approvals that stay when a step takes the phase back; None: all that there are.

    What a person has looked at behind the later gates is not what there will be.
    """
    was, now = read_phase(before), read_phase(after)
    ranks = {phase: rank for rank, phase in enumerate(_WAY)} | {"rejected": 0}
    if not approvals or was is None or now is None or ranks[now] >= ranks[was]:
        return None
    gates = [each for each in approvals.split() if each.partition("@")[0] in _GATES]
    return " ".join(each for each in gates if ranks[_GATES[each.partition("@")[0]]] <= ranks[now])


def refuse_unknown(change: Change) -> None:
    """Raise InputError when a change is in a phase that only a newer agentd can know."""
    phase = change.state.phase
    if phase is not None and read_phase(phase) is None:
        raise InputError(
            f"change {change.id} is in phase {phase}, which agentd {__version__} does not "
            "know: a newer one is at work on it",
            fix=f"{UPGRADE} Or set its phase to one of {', '.join(PHASES)}.",
        )
