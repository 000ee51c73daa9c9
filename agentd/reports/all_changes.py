"""What the calls of many ledgers add up to: read on all cores, kept until one of them changes."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from agentd.errors import StateError
from agentd.files import FileStamp
from agentd.ledger import cache
from agentd.ledger.alike import AlikeCalls
from agentd.ledger.all_rows import (
    HasLedger,
    counted_once,
    home_of,
    is_settled,
    read_alike,
    read_ledger,
    stamps_of,
)
from agentd.ledger.rows import Row
from agentd.ledger.same_call import sharing, told_twice
from agentd.reports.dimensions import BY_CALL, NOWHERE, Origins
from agentd.reports.groups import Query, Tally, join, tally
from agentd.reports.parallel import in_processes
from agentd.reports.selection import Bounds

_SHARE_BYTES = 2_000_000
"""With less to read, a process of its own takes longer than it saves."""


class SummedLedgers(NamedTuple):
    """The sums, how many calls were left out for having no time, and the ledgers not readable.

    ``notes`` tell of calls that are there more than once, and count once.
    """

    tally: Tally
    untimed: int = 0
    problems: tuple[StateError, ...] = ()
    notes: tuple[str, ...] = ()


def sum_ledgers(
    changes: Sequence[HasLedger], query: Query, bounds: Bounds, origins: Origins = NOWHERE
) -> SummedLedgers:
    """The sums of the calls within ``bounds``; a ledger that can't be read is left out and told."""
    stamps = stamps_of(changes)
    by_call = not set(BY_CALL).isdisjoint(query.by)
    if len(changes) < 2 or bounds != Bounds() or by_call:
        return _read(changes, stamps, query, bounds, origins)
    place = cache.path_of("reports", home_of(changes))
    seen = [
        # Of plain values: to keep a Path and a FileStamp takes ten times as long.
        (change.id, str(change.folder), *(stamp or ()))
        for change, stamp in zip(changes, stamps, strict=True)
    ]
    kept_seen, kept = cache.load(place) or (None, {})
    known: dict[Query, SummedLedgers] = kept if kept_seen == seen else {}
    if query in known:
        return known[query]
    summed = _read(changes, stamps, query, bounds)
    if not summed.problems and all(stamp is None or is_settled(stamp) for stamp in stamps):
        cache.save(place, (seen, {**known, query: summed}))
    return summed


def _read(
    changes: Sequence[HasLedger],
    stamps: Sequence[FileStamp | None],
    query: Query,
    bounds: Bounds,
    origins: Origins = NOWHERE,
) -> SummedLedgers:
    def read(once: Mapping[str, list[Row]]) -> tuple[SummedLedgers, list[_Ids]]:
        """The sums, with ``once`` in place of what these folders have; and the ids."""

        def of_share(share: slice) -> tuple[SummedLedgers, _Ids]:
            problems: list[StateError] = []
            untimed: list[int] = []
            notes: list[str] = []
            ids: list[array[int]] = []

            def chosen() -> Iterator[list[Row] | AlikeCalls]:
                for change in changes[share]:
                    twice: list[str] = []
                    if bounds == Bounds():
                        calls = read_alike(change, problems, twice)
                    else:
                        calls = read_ledger(change, problems, twice)
                    ids.append(_hashes(calls))
                    calls = once.get(str(change.folder), calls)
                    if bounds != Bounds() and isinstance(calls, list):
                        calls, left_out = bounds.select(calls)
                        untimed.append(left_out)
                    yield calls
                    if twice:
                        notes.append(told_twice(twice, change.id))

            sums = tally(chosen(), query, origins)
            summed = SummedLedgers(sums, sum(untimed), tuple(problems), tuple(notes))
            return summed, _Ids(ids)

        sizes = [stamp.size if stamp else 0 for stamp in stamps]
        parts, ids = zip(*in_processes(of_share, sizes, _SHARE_BYTES), strict=True)
        summed = SummedLedgers(
            join([part.tally for part in parts]),
            sum(part.untimed for part in parts),
            tuple(problem for part in parts for problem in part.problems),
            tuple(told for part in parts for told in part.notes),
        )
        return summed, list(ids)

    summed, ids = read({})
    if len({change.id for change in changes}) == len(changes) and not _any_twice(ids):
        return summed
    each = (one for share in ids for one in share.of_ledgers)
    names = [{hash(change.id), *of} for change, of in zip(changes, each, strict=True)]
    several = [changes[at] for at in sorted(sharing(names))]
    once = counted_once(several, [read_ledger(change, []) for change in several])
    if not once:
        return summed
    summed = read({folder: counting.rows for folder, counting in once.items()})[0]
    ids_of = {str(change.folder): change.id for change in several}
    told = (one for folder, counting in once.items() for one in counting.told(ids_of[folder]))
    return summed._replace(notes=(*summed.notes, *told))


class _Ids:
    """The ids of the calls of some ledgers, as their hashes in the processes that this one forks.

    Hashes are less to send than ids; ``every`` is made where the ledgers were read, and not sent.
    """

    def __init__(self, of_ledgers: Sequence[array[int]]) -> None:
        self.of_ledgers = of_ledgers
        self.every = set().union(*of_ledgers)
        self.any_twice = len(self.every) < sum(map(len, of_ledgers))

    def __getstate__(self) -> dict[str, object]:
        return {"of_ledgers": self.of_ledgers, "any_twice": self.any_twice}


def _any_twice(shares: Sequence[_Ids]) -> bool:
    """Whether a call is in two ledgers; the first of the shares was read in this process."""
    first, *others = shares
    seen = first.every
    for one in others:
        if not seen.isdisjoint(chain(*one.of_ledgers)):
            return True
        if one is not others[-1]:
            seen = seen.union(*one.of_ledgers)
    return any(one.any_twice for one in shares)


def _hashes(calls: AlikeCalls | Sequence[Row]) -> array[int]:
    ids = calls.ids if isinstance(calls, AlikeCalls) else (row.call_id for row in calls)
    return array("q", map(hash, filter(None, ids)))
