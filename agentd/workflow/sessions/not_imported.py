"""How much of what people did by hand no ledger has: for reports that only mention it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from agentd.ledger import cache
from agentd.ledger.all_rows import SETTLED_NS

if TYPE_CHECKING:
    from agentd.workflow.sessions.manual_call import ManualCall

_NOTHING = Decimal(0)


class NotImported(NamedTuple):
    """Sessions, and calls that they would be recorded as; ``unpriced`` of these have no price.

    Of a session that has grown since it was imported ``cost_usd`` has what came since. Unless
    ``all_read`` the logs have more than was looked at; ``problem`` says why, None for time.
    """

    sessions: int = 0
    calls: int = 0
    cost_usd: Decimal = _NOTHING
    unpriced: int = 0
    all_read: bool = True
    problem: str | None = None

    def told(self) -> str | None:
        """``3 sessions, about $4.10, not imported: agentd import``; None for none."""
        if self.problem:
            return f"{self.problem}: whether sessions are not imported is not known"
        if not self.all_read:
            return "session logs are not all read yet: agentd import"
        if not self.sessions:
            return None
        from agentd.metering.money import usd
        from agentd.text import counted

        cost = f"about {usd(self.cost_usd)}" + " and more" * bool(self.unpriced)
        if self.unpriced and not self.cost_usd:
            cost = "of no known price"
        return f"{counted(self.sessions, 'session')}, {cost}, not imported: agentd import"


def not_imported(
    calls: Iterable[ManualCall], *, begin: float | None = None, end: float | None = None
) -> NotImported:
    """What is missing of these, and began in this time (UTC seconds since 1970)."""
    from agentd.metering.totals import summarise

    missing = [
        one
        for one in calls
        if (one.imported is None or one.has_grown)
        and (begin is None or begin <= one.first_at.timestamp())
        and (end is None or one.first_at.timestamp() < end)
    ]
    known = (one.imported.call.cost_usd if one.imported else _NOTHING for one in missing)
    pairs = zip((one.call.cost_usd for one in missing), known, strict=True)
    return NotImported(
        sessions=len({(one.call.provider, one.call.session_id) for one in missing}),
        calls=len(missing),
        cost_usd=sum((max(now - then, _NOTHING) for now, then in pairs), _NOTHING),
        unpriced=summarise([one.call for one in missing]).unpriced,
    )


def remembered(root: Path) -> NotImported | None:
    """What the last command that looked has found; None where a log or a ledger is new since.

    Or where it looked in other places, by the variables of the CLIs.
    """
    kept = cache.load(_place_of(root), plain=True)
    if kept is None or kept[0] != str(root):
        return None
    if any(os.environ.get(name) != was for name, was in kept[3].items()):
        return None
    if any(stamp_of(path) != was for path, was in kept[2].items()):
        return None
    sessions, calls, cost_usd, unpriced = kept[1]
    return NotImported(sessions, calls, Decimal(cost_usd), unpriced)


Watched = dict[str, tuple[int, ...] | None]
"""Files and folders by their paths, and what :func:`stamp_of` said of them."""


def stamp_of(path: Path | str) -> tuple[int, ...] | None:
    """The fields of a FileStamp, of what a link leads to; None where nothing is there."""
    try:
        found = os.stat(path)  # noqa: PTH116 - of many paths, and a Path takes twice as long
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


def remember(root: Path, found: NotImported, watched: Watched, begun_ns: int) -> None:
    """Keep what a command that began then has found, until one of the ``watched`` changes."""
    from agentd.providers import PROVIDERS

    young = begun_ns - SETTLED_NS  # one that may change once more and look the same
    sure = {path: was if was is None or was[1] < young else () for path, was in watched.items()}
    numbers = found.sessions, found.calls, str(found.cost_usd), found.unpriced
    rows = (row.session_logs for row in PROVIDERS.values())
    homes = {
        name: os.environ.get(name) for name in ("HOME", *(row.variable for row in rows if row))
    }
    cache.save(_place_of(root), (str(root), numbers, sure, homes), plain=True)


def roots_seen() -> list[str]:
    """The projects in which a command has looked."""
    files = _place_of(Path()).parent.glob("*.not-imported")
    return [found[0] for path in files if (found := cache.load(path, plain=True))]


def _place_of(root: Path) -> Path:
    return cache.path_of("not-imported", str(root))
