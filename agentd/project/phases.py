"""The phases of a change, and which command comes next in each."""

from __future__ import annotations

import re
from pathlib import Path

from agentd.errors import InputError
from agentd.min_version import UPGRADE
from agentd.version import __version__

_PHASE = re.compile(r"""^phase: *["']?([A-Za-z_~][\w-]*)""", re.MULTILINE)

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

_NEXT_COMMAND = {
    "proposed": "plan",
    "challenged": "impl",
    "rejected": "reproposal",
    "implementing": "impl",
    "complete": "archive",
}


def read_phase(text: str | None) -> str | None:
    """One of PHASES for what STATE.yaml says; None for an absent or unknown one."""
    phase = _ORIGINAL.get(text or "", text)
    return phase if phase in PHASES else None


def refuse_unknown(change: Path) -> None:
    """Raise InputError when a change is in a phase that only a newer agentd can know.

    Its file is not read as a whole: the commands that go on do that, and tell what is wrong in it.
    """
    try:
        text = (change / "STATE.yaml").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    found = _PHASE.search(text)
    if found and found[1] not in ("null", "~") and read_phase(found[1]) is None:
        raise InputError(
            f"change {change.name} is in phase {found[1]}, which agentd {__version__} does not "
            "know: a newer one is at work on it",
            fix=f"{UPGRADE} Or set its phase to one of {', '.join(PHASES)}.",
        )


def next_command(phase: str | None) -> str | None:
    """The command that goes on from a phase; None when it is archived or unknown."""
    return _NEXT_COMMAND.get(phase or "")
