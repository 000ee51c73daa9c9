"""Other changes that an agentd works on at the same time: what they change is not this run's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from agentd.locks import try_lock
from agentd.project.change import all_changes
from agentd.project.layout import Project
from agentd.runner.process import start_token

_HOLD = "runs/.work"  # agentd.project.hold writes its process id there


@dataclass(frozen=True, slots=True)
class Others:
    """The holds on the project's other changes at one moment, by their ids."""

    holds: dict[str, tuple[int, int]]
    held: frozenset[str]

    @classmethod
    def look(cls, project: Project, change: Path) -> Others:
        """Who is at work now, but for ``change``. Disturbs nobody."""
        holds = {}
        held = set()
        for other in all_changes(project):
            hold = other.folder / _HOLD
            if other.folder == change or not hold.is_file():
                continue
            found = hold.stat()
            holds[other.id] = (found.st_ino, found.st_mtime_ns)
            pid = hold.read_text(errors="replace").strip()
            # A hold is tried only where its process lives: trying takes it for a moment, and an
            # agentd that began just then would be turned away.
            if pid.isdecimal() and start_token(int(pid)) and _is_held(hold):
                held.add(other.id)
        return cls(holds, frozenset(held))

    def at_work_until(self, later: Others) -> frozenset[str]:
        """The ids of the changes that somebody was at work on between the two moments."""
        taken = {name for name, hold in later.holds.items() if self.holds.get(name) != hold}
        return self.held | later.held | taken


def _is_held(hold: Path) -> bool:
    fd = os.open(hold, os.O_RDWR | os.O_NOFOLLOW)
    try:
        return not try_lock(fd)
    finally:
        os.close(fd)
