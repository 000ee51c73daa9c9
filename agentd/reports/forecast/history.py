"""What a project's changes did lately, as forecasts need it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agentd.errors import StateError
from agentd.ledger.all_rows import read_rows, stamps_of
from agentd.project.change import Change
from agentd.project.changes import all_changes
from agentd.project.layout import Project
from agentd.reports.forecast.ranges import LATEST
from agentd.reports.forecast.visits import Visit, visits_of

LATEST_ARCHIVED = 100
LATEST_AT_WORK = 25
"""As many archived changes, and as many that are worked on, are history: the latest."""


@dataclass(slots=True)
class History:
    """The visits of the latest changes in the order in which they ended.

    ``problems`` are the ledgers that can't be read, and are left out.
    ``finished`` are the ids of the archived changes; one that there are two of is left out, its
    visits can't be told apart.
    """

    visits: list[Visit]
    finished: frozenset[str]
    places: dict[str, list[Path]] = field(default_factory=dict)
    problems: list[StateError] = field(default_factory=list)

    def of(self, step: str) -> list[Visit]:
        """The visits of a step; the latest know how long their prompt was, if it is still there."""
        own = [visit for visit in self.visits if visit.step == step]
        sized = [
            visit._replace(prompt_bytes=_size(visit.call_id, self.places[visit.change_id]))
            for visit in own[-2 * LATEST :]
        ]
        return own[: -2 * LATEST] + sized


def read_history(project: Project) -> History:
    """Read the ledgers."""
    known = latest(all_changes(project))
    places: dict[str, list[Path]] = {}
    for change in known:
        places.setdefault(change.id, []).append(change.folder)
    count = Counter(change.id for change in known)
    problems: list[StateError] = []
    return History(
        visits=visits_of(read_rows(known, problems)),
        problems=problems,
        finished=frozenset(
            change.id
            for change in known
            if change.archived_on is not None and count[change.id] == 1
        ),
        places=places,
    )


def latest(every: Sequence[Change]) -> list[Change]:
    """The LATEST_ARCHIVED, and of those at work the LATEST_AT_WORK by their last write.

    A folder without a STATE.yaml has no calls yet.
    """
    stamps = zip(every, stamps_of(every), strict=True)
    there = [(stamp.modified_ns, change) for change, stamp in stamps if stamp is not None]
    archived = [change for _, change in there if change.archived_on is not None]
    at_work = [entry for entry in there if entry[1].archived_on is None]
    at_work.sort(key=lambda entry: entry[0])
    return archived[-LATEST_ARCHIVED:] + [change for _, change in at_work[-LATEST_AT_WORK:]]


def _size(call_id: str, places: Sequence[Path]) -> int | None:
    for place in places:
        try:
            return (place / "runs" / call_id / "prompt").stat().st_size
        except OSError:
            continue
    return None
