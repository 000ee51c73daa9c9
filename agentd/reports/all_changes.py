"""What the calls of many ledgers add up to: read on all cores, kept until one of them changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from agentd.errors import StateError
from agentd.files import FileStamp
from agentd.ledger import cache
from agentd.ledger.all_rows import HasLedger, home_of, is_settled, read_ledger, stamps_of
from agentd.reports.groups import Query, Tally, join, tally
from agentd.reports.model import Sums
from agentd.reports.parallel import in_processes
from agentd.reports.selection import Bounds

_SHARE_BYTES = 2_000_000
"""With less to read, a process of its own takes longer than it saves."""


class Summed(NamedTuple):
    """The sums, how many calls were left out for having no time, and the ledgers not readable."""

    tally: Tally
    untimed: int = 0
    problems: tuple[StateError, ...] = ()


def sum_ledgers(changes: Sequence[HasLedger], query: Query, bounds: Bounds) -> Summed:
    """The sums of the calls within ``bounds``; a ledger that can't be read is left out and told."""
    stamps = stamps_of(changes)
    if len(changes) < 2 or bounds != Bounds():
        return _read(changes, stamps, query, bounds)
    place = cache.path_of("reports", home_of(changes))
    seen = [
        (change.id, str(change.folder), stamp and tuple(stamp))
        for change, stamp in zip(changes, stamps, strict=True)
    ]
    kept_seen, kept = cache.load(place) or (None, {})
    tallies: dict[tuple[object, ...], tuple[Any, ...]] = kept if kept_seen == seen else {}
    key = tuple(query)
    if key in tallies:
        return Summed(_tally(tallies[key]))
    summed = _read(changes, stamps, query, bounds)
    if not summed.problems and all(stamp is None or is_settled(stamp) for stamp in stamps):
        cache.save(place, (seen, {**tallies, key: _plain(summed.tally)}))
    return summed


def _read(
    changes: Sequence[HasLedger], stamps: Sequence[FileStamp | None], query: Query, bounds: Bounds
) -> Summed:
    sizes = [stamp.size if stamp else 0 for stamp in stamps]

    def read(share: slice) -> tuple[Any, ...]:
        problems: list[StateError] = []
        rows = [row for change in changes[share] for row in read_ledger(change, problems)]
        chosen, untimed = bounds.select(rows)
        told = [(error.message, error.fix) for error in problems]
        return _plain(tally(chosen, query)), untimed, told

    parts = in_processes(read, sizes, _SHARE_BYTES)
    return Summed(
        join([_tally(plain) for plain, _, _ in parts]),
        sum(untimed for _, untimed, _ in parts),
        tuple(StateError(message, fix=fix) for *_, of in parts for message, fix in of),
    )


def _plain(one: Tally) -> tuple[Any, ...]:
    """A tally as marshal takes it."""
    groups = [(names, _plain_sums(sums)) for names, sums in one.groups.items()]
    days = [(day.toordinal(), str(cost_usd)) for day, cost_usd in one.days.items()]
    return groups, _plain_sums(one.total), days


def _plain_sums(sums: Sums) -> tuple[Any, ...]:
    return *sums[:-1], str(sums.cost_usd)


def _tally(plain: tuple[Any, ...]) -> Tally:
    groups, total, days = plain
    return Tally(
        {tuple(names): _sums(sums) for names, sums in groups},
        _sums(total),
        {date.fromordinal(day): Decimal(cost) for day, cost in days},
    )


def _sums(plain: tuple[Any, ...]) -> Sums:
    return Sums._make((*plain[:-1], Decimal(plain[-1])))
