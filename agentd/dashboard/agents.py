"""The budgets of agents whose programs publish them to a StateManager's file."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from threading import Event as Signal
from typing import Any

from agentd.budget.cost_metrics import CostMetrics
from agentd.budget.sentences import exceeded
from agentd.budget.shares import share_of
from agentd.budget.state_manager import StateManager
from agentd.budget.subscribers import Event
from agentd.clock import iso
from agentd.dashboard.amounts import short_usd
from agentd.errors import StateError
from agentd.metering.money import usd

_WARNED_AT = Decimal("0.9")
"""The share from which a badge is red: which ones its publisher warns of is not in the file."""

_LOOK_EVERY_S = 1.0
_KEPT_WARNINGS = 100


class StateFile:
    """One file, followed by ``StateManager.subscribe``; it is never made or written to.

    ``agents`` is how they stand, for JSON; ``exceeded`` says it of those over their limit, by id;
    ``problem`` why that is not known, ``is_there`` whether the file is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.agents: list[dict[str, Any]] = []
        self.exceeded: dict[str, str] = {}
        self.problem: str | None = None
        self.is_there = False
        self.warnings: deque[Event] = deque(maxlen=_KEPT_WARNINGS)
        self._manager: StateManager | None = None
        self._told = Signal()
        self._due = 0.0

    def look(self) -> bool:
        """Read it again where it has told something or it is time; whether it stands otherwise."""
        is_new = not self.is_there and self.path.exists()
        if not is_new and not self._told.is_set() and time.monotonic() < self._due:
            return False
        self._told.clear()
        before = self.agents, self.problem, self.is_there, len(self.warnings)
        self._read()
        self._due = time.monotonic() + _LOOK_EVERY_S
        return before != (self.agents, self.problem, self.is_there, len(self.warnings))

    def close(self) -> None:
        """Follow it no more."""
        if self._manager is not None:
            self._manager.close()
            self._manager = None

    def _read(self) -> None:
        try:
            self.is_there = self.path.exists()
            if self.is_there and not self.path.is_file():  # SQLite would wait at a pipe
                self.problem = f"--state {self.path}: is no plain file"
                self.close()
                return
            # A file without content is one that its program is about to fill.
            self.is_there = self.is_there and self.path.stat().st_size > 0
            if not self.is_there:
                self.agents, self.exceeded, self.problem = [], {}, None
                self.close()
                return
            if self._manager is None:
                self._manager = StateManager(self.path, read_only=True)
                self._manager.subscribe(self._hear)
            states = self._manager.agent_states().values()
            every = [state for state in states if isinstance(state, CostMetrics)]
            self.agents, self.problem = [*map(_as_json, every)], None
            self.exceeded = {
                one.agent_id: exceeded(one.total_spent, one.budget_limit)
                for one in every
                if one.total_spent > one.budget_limit
            }
        except (StateError, OSError, ValueError, TypeError, KeyError, ArithmeticError) as error:
            # Other programs write it, so what it holds may be anything.
            self.problem = f"--state {self.path}: {error}"
            self.close()

    def _hear(self, event: Event) -> None:
        if event["type"] == "cost_warning":
            self.warnings.append(event)
        self._told.set()


class Agents:
    """The agents of some files as the page shows them."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files = [StateFile(path) for path in dict.fromkeys(paths)]

    def look(self) -> bool:
        """Whether anything is new."""
        looked = [file.look() for file in self._files]
        return any(looked)

    def close(self) -> None:
        """Follow them no more."""
        for file in self._files:
            file.close()

    @property
    def files(self) -> list[dict[str, Any]]:
        """Each file with its agents, for JSON."""
        return [
            {
                "file": str(file.path),
                "is_there": file.is_there,
                "problem": file.problem,
                "agents": file.agents,
            }
            for file in self._files
        ]

    @property
    def problems(self) -> list[str]:
        """What is wrong with files."""
        return [file.problem for file in self._files if file.problem]

    @property
    def alerts(self) -> list[dict[str, Any]]:
        """What was warned of, and which budgets are exceeded."""
        return [alert for file in self._files for alert in _alerts_of(file)]


def _level(metrics: CostMetrics) -> str:
    spent, limit = metrics.total_spent, metrics.budget_limit
    if spent >= limit:
        return "exceeded" if spent > limit else "limit"
    return "warning" if spent >= limit * _WARNED_AT else "ok"


def _as_json(metrics: CostMetrics) -> dict[str, Any]:
    rest = metrics.budget_limit - metrics.total_spent
    return {
        "id": metrics.agent_id,
        "level": _level(metrics),
        "share": share_of(metrics.total_spent, metrics.budget_limit),
        "spent": usd(metrics.total_spent, 2),
        "limit": usd(metrics.budget_limit, 2),
        "left": f"{usd(abs(rest), 2)} {'over' if rest < 0 else 'left'}",
        "left_usd": float(rest),
        "last_cost": short_usd(metrics.last_cost),
        "last_cost_usd": float(metrics.last_cost),
        "at": iso(datetime.fromtimestamp(metrics.timestamp / 1000, UTC)),
    }


def _alerts_of(file: StateFile) -> Iterator[dict[str, Any]]:
    for event in [*file.warnings]:
        marks = [event.get(name) for name in ("agent_id", "threshold", "timestamp")]
        yield {
            "key": f"{file.path}:{':'.join(map(str, marks))}",
            "change": None,
            "text": f"{marks[0]}: {event.get('message')}",
            "is_error": False,
        }
    for agent_id, told in file.exceeded.items():
        yield {
            "key": f"{file.path}:{agent_id}:exceeded",
            "change": None,
            "text": f"{agent_id}: {told}",
            "is_error": True,
        }
