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


def refuse_unknown(change: Change) -> None:
    """Raise InputError when a change is in a phase that only a newer agentd can know."""
    phase = change.state.phase
    if phase is not None and read_phase(phase) is None:
        raise InputError(
            f"change {change.id} is in phase {phase}, which agentd {__version__} does not "
            "know: a newer one is at work on it",
            fix=f"{UPGRADE} Or set its phase to one of {', '.join(PHASES)}.",
        )
