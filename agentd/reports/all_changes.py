"""What the calls of many ledgers add up to: read on all cores, kept until one of them changes."""

from __future__ import annotations

from collections import Counter
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
from agentd.ledger.rows import Row, each_once
from agentd.ledger.same_call import told_twice
from agentd.reports.dimensions import BY_CALL, NOWHERE, Origins
from agentd.reports.groups import Query, Tally, join, tally
from agentd.reports.parallel import in_processes
from agentd.reports.selection import Bounds
from agentd.text import counted

_SHARE_BYTES = 2_000_000
"""With less to read, a process of its own takes longer than it saves."""


class Summed(NamedTuple):
    """The sums, how many calls were left out for having no time, and the ledgers not readable.

    ``notes`` tell of calls that are there more than once, and count once.
    """

    tally: Tally
    untimed: int = 0
    problems: tuple[StateError, ...] = ()
    notes: tuple[str, ...] = ()


def sum_ledgers(
    changes: Sequence[HasLedger], query: Query, bounds: Bounds, origins: Origins = NOWHERE
) -> Summed:
    """The sums of the calls within ``bounds``; a ledger that can't be read is left out and told."""
    stamps = stamps_of(changes)
    by_call = not set(BY_CALL).isdisjoint(query.by)
    if len(changes) < 2 or bounds != Bounds() or by_call:
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
    whole = not summed.problems and not summed.notes
    if whole and all(stamp is None or is_settled(stamp) for stamp in stamps):
        cache.save(place, (seen, {**tallies, query: summed.tally}))
    return summed


def _read(
    changes: Sequence[HasLedger],
    stamps: Sequence[FileStamp | None],
    query: Query,
    bounds: Bounds,
    origins: Origins = NOWHERE,
) -> Summed:
    once = _counted_once(changes)

    def read(share: slice) -> Summed:
        problems: list[StateError] = []
        untimed: list[int] = []
        notes: list[str] = []

        def chosen() -> Iterator[list[Row] | AlikeCalls]:
            for change in changes[share]:
                ids: list[str] = []
                counting = once.get(str(change.folder))
                if bounds == Bounds() and counting is None:
                    yield read_alike(change, problems, ids)
                else:
                    rows = read_ledger(change, problems, ids)
                    if counting is not None:
                        notes.append(_told_elsewhere(change.id, len(rows) - len(counting)))
                        rows = counting
                    rows, left_out = bounds.select(rows)
                    untimed.append(left_out)
                    yield rows
                if ids:
                    notes.append(told_twice(ids, change.id))

        return Summed(tally(chosen(), query, origins), sum(untimed), tuple(problems), tuple(notes))

    parts = in_processes(read, [stamp.size if stamp else 0 for stamp in stamps], _SHARE_BYTES)
    return Summed(
        join([part.tally for part in parts]),
        sum(part.untimed for part in parts),
        tuple(problem for part in parts for problem in part.problems),
        tuple(told for part in parts for told in part.notes),
    )


def _counted_once(changes: Sequence[HasLedger]) -> dict[str, list[Row]]:
    """By folder, the calls that count there, where others count in another ledger of the change.

    A merge of a branch that has archived a change leaves it in both places.
    """
    folders = Counter(change.id for change in changes)
    several = [change for change in changes if folders[change.id] > 1]
    ledgers = [read_ledger(change, []) for change in several]
    return {
        str(change.folder): once
        for change, rows, once in zip(several, ledgers, each_once(ledgers), strict=True)
        if len(once) < len(rows)
    }


def _told_elsewhere(change_id: str, calls: int) -> str:
    one = f"{counted(calls, 'call')} of change {change_id}"
    return f"{one} in two ledgers, as after a merge with its archiving; counted once"
