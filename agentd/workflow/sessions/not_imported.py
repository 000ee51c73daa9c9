"""How much of what people did by hand no ledger has: for reports that only mention it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from agentd.ledger import cache

if TYPE_CHECKING:
    from agentd.config.model import Config
    from agentd.project.layout import Project
    from agentd.workflow.sessions.discover import ManualCall

_NOTHING = Decimal(0)


class NotImported(NamedTuple):
    """Sessions, and calls that they would be recorded as; ``unpriced`` of these have no price.

    Of a session that has grown since it was imported ``cost_usd`` has what came since.
    """

    sessions: int = 0
    calls: int = 0
    cost_usd: Decimal = _NOTHING
    unpriced: int = 0

    def told(self) -> str | None:
        """``3 sessions, about $4.10, not imported: agentd import``; None for none."""
        if not self.sessions:
            return None
        from agentd.metering.money import usd
        from agentd.text import counted

        cost = f"about {usd(self.cost_usd, 2)}" + " and more" * bool(self.unpriced)
        return f"{counted(self.sessions, 'session')}, {cost}, not imported: agentd import"


_Entry = tuple[str, str, Decimal, int, float]
"""Of a call: its id and its session, what it cost, whether that is unknown, and its begin."""


def not_imported(
    calls: Iterable[ManualCall], *, begin: float | None = None, end: float | None = None
) -> NotImported:
    """What is missing of these, and began in this time (UTC seconds since 1970)."""
    return _sum(
        one
        for one in map(_entry, filter(_is_missing, calls))
        if (begin is None or begin <= one[4]) and (end is None or one[4] < end)
    )


def look(
    project: Project, config: Config, *, begin: float | None = None, end: float | None = None
) -> NotImported:
    """The same of all of a project's sessions, read now; it is kept for ``last_seen``."""
    from agentd.workflow.sessions.places import has_logs

    calls: list[ManualCall] = []
    if has_logs(project.root):  # else what reads them is not loaded
        from agentd.project.workspace import Workspace
        from agentd.workflow.sessions.discover import manual_calls

        calls = manual_calls(Workspace(project, config))
    remember(project.root, calls)
    return not_imported(calls, begin=begin, end=end)


def last_seen(root: Path) -> NotImported:
    """What was not imported when a command looked for the last time: no log is looked at."""
    return _sum(_load(root))


def remember(root: Path, calls: Iterable[ManualCall]) -> None:
    """Keep what a command has found, for ``last_seen``."""
    _save(root, list(map(_entry, filter(_is_missing, calls))))


def roots_seen() -> list[str]:
    """The projects in which a command has looked."""
    files = _place_of(Path()).parent.glob("*.not-imported")
    return [str(found[0]) for found in map(cache.load, files) if found]


def forget(root: Path, call_ids: Collection[str]) -> None:
    """These calls have been recorded."""
    _save(root, [one for one in _load(root) if one[0] not in call_ids])


def _is_missing(one: ManualCall) -> bool:
    return one.imported is None or one.has_grown


def _entry(one: ManualCall) -> _Entry:
    from agentd.metering.totals import summarise

    call = one.call
    then = one.imported.call.cost_usd if one.imported else _NOTHING
    session = f"{call.provider} {call.session_id}"
    unpriced = summarise([call]).unpriced
    return call.id, session, max(call.cost_usd - then, _NOTHING), unpriced, one.first_at.timestamp()


def _sum(entries: Iterable[_Entry]) -> NotImported:
    every = list(entries)
    return NotImported(
        sessions=len({one[1] for one in every}),
        calls=len(every),
        cost_usd=sum((one[2] for one in every), _NOTHING),
        unpriced=sum(one[3] for one in every),
    )


def _load(root: Path) -> list[_Entry]:
    whose, entries = cache.load(_place_of(root)) or (None, [])
    return entries if whose == str(root) else []


def _save(root: Path, entries: list[_Entry]) -> None:
    place = _place_of(root)
    if cache.load(place) != (str(root), entries):
        cache.save(place, (str(root), entries))


def _place_of(root: Path) -> Path:
    return cache.path_of("not-imported", str(root))
