"""What a write changes in a STATE.yaml beside its calls."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from agentd.ledger import scalar


class Changes(NamedTuple):
    """New values for these keys; None leaves one as it is.

    ``checks`` is what the project's checks came to the last time: passed, failed, or skipped.
    ``budget_warned`` are the names of the warnings that were given, with a space between;
    ``budget_reset_calls`` how many of the calls came before the meter was restarted, and
    ``budget_reset_after`` the id of the last of them, which holds after a merge too;
    ``budget_warned_before`` what was warned of before each restart: see ``restarts``.
    ``approvals`` are the gates that a person has passed, as ``plan@2026-11-30T12:00:00Z``, with a
    space between; ``feedback`` is what a person wants from the next step that mends, paragraphs.
    """

    phase: str | None = None
    iteration: int | None = None
    last_action: str | None = None
    session_id: str | None = None
    checks: str | None = None
    budget_warned: str | None = None
    budget_reset_calls: int | None = None
    budget_reset_after: str | None = None
    budget_warned_before: str | None = None
    approvals: str | None = None
    feedback: str | None = None

    def values(self) -> dict[str, str]:
        """The keys that change, with their values as YAML."""
        return {
            key: str(value) if isinstance(value, int) else scalar.text(value)
            for key, value in self._asdict().items()
            if value is not None
        }

    def to_json(self) -> str:
        """One line of JSON."""
        given = {key: value for key, value in self._asdict().items() if value is not None}
        return json.dumps(given)


NO_CHANGES = Changes()


def restart_behind(ids: Sequence[str | None]) -> Changes:
    """What restarts the meter behind the last of these calls."""
    last = ids[-1] if ids else None
    return Changes(budget_reset_calls=len(ids), budget_reset_after=last or "")


def from_object(values: object) -> Changes:
    """What :meth:`Changes.to_json` wrote, decoded. Raises ValueError on anything else."""
    if not isinstance(values, dict) or not set(values) <= set(Changes._fields):
        raise ValueError(f"state: expected an object with some of {', '.join(Changes._fields)}")
    return Changes(**values)
