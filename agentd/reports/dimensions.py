"""What calls are grouped by, and the name of a call in each of these dimensions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import repeat
from operator import itemgetter
from typing import Literal, NamedTuple

from agentd.ledger.rows import Row
from agentd.metering.thread_use import MAIN
from agentd.metering.words import MANUAL
from agentd.periods import name_of

UNKNOWN = "unknown"
"""The name of a group of calls whose provider, or time, the ledger doesn't have."""

NOT_COMMITTED = "not committed"
"""The branch and the author of a call that is in no commit, and won't come into one as it is."""

STANDARD = "standard"
"""The name of the variant that multiplies no price."""

PERIODS = ("day", "week", "month")


def _of_row(name: str) -> Callable[..., Iterable[str]]:
    read = itemgetter(Row._fields.index(name))
    return lambda rows, _: map(read, rows)


def _of_period(kind: Literal["day", "week", "month"]) -> Callable[..., Iterable[str]]:
    def names(_: Sequence[Row], days: Sequence[date | None]) -> Iterable[str]:
        known = {day: name_of(day, kind) if day else UNKNOWN for day in set(days)}
        return (known[day] for day in days)

    return names


COLUMNS: Mapping[str, Callable[[Sequence[Row], Sequence[date | None]], Iterable[str]]] = {
    "step": _of_row("step"),
    "model": _of_row("model"),
    "provider": lambda rows, _: (row.provider or UNKNOWN for row in rows),
    "change": _of_row("change_id"),
    "day": _of_period("day"),
    "week": _of_period("week"),
    "month": _of_period("month"),
    "status": _of_row("status"),
    "thread": lambda rows, _: (row.threads or MAIN for row in rows),
    "variant": lambda rows, _: (row.variant or STANDARD for row in rows),
    "source": lambda rows, _: (MANUAL if row.step == MANUAL else "step" for row in rows),
}


class Origin(NamedTuple):
    """Where a call came into git: the branch, and who wrote the commit that first has it."""

    branch: str = UNKNOWN
    author: str = UNKNOWN


class Origins(NamedTuple):
    """What the sums' rows don't tell: where calls come from.

    ``of_call`` is by the calls' ids, ``of_change``, for calls in no commit, by the ids of their
    changes, ``sessions`` by the calls' ids too. ``problem`` says why git could not be asked.
    """

    of_call: Mapping[str, Origin] = {}
    of_change: Mapping[str, Origin] = {}
    sessions: Mapping[str, str | None] = {}
    project: str = UNKNOWN
    problem: str | None = None

    def names(self, name: str, rows: Sequence[Row]) -> Iterable[str]:
        """The name of each call in one of the dimensions BY_CALL."""
        if name == "project":
            return repeat(self.project, len(rows))
        if name == "session":
            return (self.sessions.get(row.call_id) or UNKNOWN for row in rows)
        place = Origin._fields.index(name)
        return (self._origin_of(row)[place] for row in rows)

    def _origin_of(self, row: Row) -> Origin:
        known = self.of_call.get(row.call_id)
        if known is None and row.call_id:  # the original agentd wrote no ids
            known = self.of_change.get(row.change_id)
        return known or Origin()


NOWHERE = Origins()
OF_GIT = Origin._fields
"""Those that git's history tells."""
BY_CALL = (*OF_GIT, "session", "project")
"""Those that the sums' rows don't tell."""

DIMENSIONS = (*COLUMNS, *BY_CALL)
