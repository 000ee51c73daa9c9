"""What the calls of many ledgers add up to: read on all cores, kept until one of them changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from agentd.errors import StateError
from agentd.files import FileStamp
from agentd.ledger import cache
from agentd.ledger.alike import AlikeCalls
from agentd.ledger.all_rows import (
    HasLedger,
    home_of,
    is_settled,
    read_alike,
    read_ledger,
    stamps_of,
)
from agentd.ledger.rows import Row
from agentd.reports.dimensions import NOWHERE, OF_GIT, Origins
from agentd.reports.groups import Query, Tally, join, tally
from agentd.reports.parallel import in_processes
from agentd.reports.selection import Bounds

_SHARE_BYTES = 2_000_000
"""With less to read, a process of its own takes longer than it saves."""


class Summed(NamedTuple):
    """The sums, how many calls were left out for having no time, and the ledgers not readable."""

    tally: Tally
    untimed: int = 0
    problems: tuple[StateError, ...] = ()


def sum_ledgers(
    changes: Sequence[HasLedger], query: Query, bounds: Bounds, origins: Origins = NOWHERE
) -> Summed:
    """The sums of the calls within ``bounds``; a ledger that can't be read is left out and told."""
    stamps = stamps_of(changes)
    of_git = not set(OF_GIT).isdisjoint(query.by)
    if len(changes) < 2 or bounds != Bounds() or of_git:
        return _read(changes, stamps, query, bounds, origins)
    place = cache.path_of("reports", home_of(changes))
    seen = [
        (change.id, change.folder, stamp) for change, stamp in zip(changes, stamps, strict=True)
    ]
    kept_seen, kept = cache.load(place) or (None, {})
    tallies: dict[Query, Tally] = kept if kept_seen == seen else {}
    if query in tallies:
        return Summed(tallies[query])
    summed = _read(changes, stamps, query, bounds)
    if not summed.problems and all(stamp is None or is_settled(stamp) for stamp in stamps):
        cache.save(place, (seen, {**tallies, query: summed.tally}))
    return summed


def _read(
    changes: Sequence[HasLedger],
    stamps: Sequence[FileStamp | None],
    query: Query,
    bounds: Bounds,
    origins: Origins = NOWHERE,
) -> Summed:
    def read(share: slice) -> Summed:
        problems: list[StateError] = []
        untimed: list[int] = []

        def chosen() -> Iterator[list[Row] | AlikeCalls]:
            for change in changes[share]:
                if bounds == Bounds():
                    yield read_alike(change, problems)
                    continue
                rows, left_out = bounds.select(read_ledger(change, problems))
                untimed.append(left_out)
                yield rows

        return Summed(tally(chosen(), query, origins), sum(untimed), tuple(problems))

    parts = in_processes(read, [stamp.size if stamp else 0 for stamp in stamps], _SHARE_BYTES)
    return Summed(
        join([part.tally for part in parts]),
        sum(part.untimed for part in parts),
        tuple(problem for part in parts for problem in part.problems),
    )
