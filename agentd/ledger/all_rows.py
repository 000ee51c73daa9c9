"""All ledgers of a project, each read again only after it has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from decimal import Decimal
from itertools import chain, repeat
from typing import Any, NamedTuple, TypeAlias

from agentd.errors import StateError
from agentd.ledger import cache
from agentd.ledger.rows import Ledger, Part, Row

# A file system may keep times to the second or two, so a file this young may change once more
# without looking any different.
_SETTLED_NS = 2_000_000_000


class Stamp(NamedTuple):
    """What tells that a ledger is as it was; ``inode`` is new whenever agentd has written it."""

    modified_ns: int
    changed_ns: int
    size: int
    inode: int


_Entry: TypeAlias = "tuple[tuple[int, ...], list[Any]]"
"""A ledger's stamp, and the columns of its rows but ``change_id`` as the cache takes them."""


def read_rows(ledgers: Sequence[Ledger], problems: list[StateError] | None = None) -> list[Row]:
    """The calls of all ledgers, in their order; a change without a STATE.yaml has none.

    A ledger that can't be read is left out and added to ``problems``; without such a list it raises
    StateError.
    """
    return list(chain.from_iterable(read_each(ledgers, problems)))


def read_each(
    ledgers: Sequence[Ledger], problems: list[StateError] | None = None
) -> list[list[Row]]:
    """The same, apart for each ledger."""
    if len(ledgers) < 2:  # not worth a file; that of all is left alone
        return [read_ledger(ledger, problems) for ledger in ledgers]
    place = cache.path_of("rows", home_of(ledgers))
    known: dict[str, _Entry] = cache.load(place) or {}
    every: list[list[Row]] = []
    settled: dict[str, _Entry] = {}
    for ledger, stamp in zip(ledgers, stamps_of(ledgers), strict=True):
        key = str(ledger.path)
        entry = known.get(key)
        if entry is not None and stamp is not None and entry[0] == tuple(stamp):
            every.append(_unpacked(ledger.change_id, entry[1]))
        else:
            before = len(problems or ())
            every.append(read_ledger(ledger, problems))
            entry = (tuple(stamp or ()), _packed(every[-1]))
            if len(problems or ()) > before:
                continue
        if is_settled(stamp):
            settled[key] = entry
    if any(known.get(key) is not entry for key, entry in settled.items()):
        asked = {str(ledger.path) for ledger in ledgers}
        others = (key for key in known if key not in asked and os.path.lexists(key))
        cache.save(place, {**{key: known[key] for key in others}, **settled})
    return every


def read_ledger(ledger: Ledger, problems: list[StateError] | None = None) -> list[Row]:
    """The calls of one ledger, read now."""
    from agentd.ledger.store import StateStore

    if _stamp(f"{ledger.path}/STATE.yaml") is None and ledger.path.is_dir():
        return []
    try:
        return StateStore(ledger.path).rows(ledger.change_id)
    except StateError as error:
        if problems is None:
            raise
        problems.append(error)
        return []


def stamps_of(ledgers: Sequence[Ledger]) -> list[Stamp | None]:
    """Each ledger's stamp, None for one that isn't there."""
    return [_stamp(f"{ledger.path}/STATE.yaml") for ledger in ledgers]


def is_settled(stamp: Stamp | None) -> bool:
    """Whether the next write to a ledger of this stamp will change the stamp."""
    return stamp is not None and time.time_ns() - stamp.changed_ns > _SETTLED_NS


def home_of(ledgers: Sequence[Ledger]) -> str:
    """The folder that all of them lie in."""
    return os.path.commonpath({os.path.dirname(ledger.path) for ledger in ledgers})  # noqa: PTH120


_COST, _PARTS = (Row._fields.index(name) - 1 for name in ("cost_usd", "parts"))


def _packed(rows: Sequence[Row]) -> list[Any]:
    columns = list(zip(*rows, strict=True))[1:]
    if columns:
        columns[_COST] = tuple(map(str, columns[_COST]))
        parts = columns[_PARTS]
        columns[_PARTS] = tuple(tuple((*p[:4], str(p[4]), p[5]) for p in of) for of in parts)
    return columns


def _unpacked(change_id: str, packed: Sequence[Any]) -> list[Row]:
    if not packed:
        return []
    columns = list(packed)
    columns[_COST] = map(Decimal, columns[_COST])
    columns[_PARTS] = [
        tuple(Part._make((*p[:4], Decimal(p[4]), p[5])) for p in of) for of in columns[_PARTS]
    ]
    return list(map(Row._make, zip(repeat(change_id), *columns, strict=False)))


def _stamp(path: str) -> Stamp | None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return Stamp(found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
