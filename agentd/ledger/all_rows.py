"""All ledgers of a project, each read again only after it has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from agentd.ledger import cache
from agentd.ledger.rows import Ledger, Row, rows_of

if TYPE_CHECKING:
    from pathlib import Path

    from agentd.ledger.rows import Brief

# A file system may keep times to the second or two, so a file this young may change once more
# without looking any different.
_SETTLED_NS = 2_000_000_000


class Stamp(NamedTuple):
    """What tells that a ledger is as it was; ``inode`` is new whenever agentd has written it."""

    modified_ns: int
    changed_ns: int
    size: int
    inode: int


_Entry: TypeAlias = "tuple[tuple[int, ...], list[Brief]]"


def read_rows(ledgers: Sequence[Ledger]) -> list[Row]:
    """The calls of all ledgers, in their order; a change without a STATE.yaml has none.

    Raises StateError for one that can't be read.
    """
    briefs = _read_all(ledgers)
    ids = (repeat(each.change_id, len(of)) for each, of in zip(ledgers, briefs, strict=True))
    return rows_of(chain.from_iterable(ids), list(chain.from_iterable(briefs)))


def read_each(ledgers: Sequence[Ledger]) -> list[list[Row]]:
    """The same, apart for each ledger."""
    pairs = zip(ledgers, _read_all(ledgers), strict=True)
    return [rows_of(repeat(ledger.change_id), briefs) for ledger, briefs in pairs]


def _read_all(ledgers: Sequence[Ledger]) -> list[list[Brief]]:
    if len(ledgers) > 1:
        return [briefs for _, briefs in _entries(ledgers)]
    return [_read(ledger.path) for ledger in ledgers]  # not worth a file; that of all is left alone


def stamps_of(ledgers: Sequence[Ledger]) -> list[Stamp | None]:
    """Each ledger's stamp, None for one that isn't there."""
    return [_stamp(f"{ledger.path}/STATE.yaml") for ledger in ledgers]


def is_settled(stamp: Stamp | None) -> bool:
    """Whether the next write to a ledger of this stamp will change the stamp."""
    return stamp is not None and time.time_ns() - stamp.changed_ns > _SETTLED_NS


def home_of(ledgers: Sequence[Ledger]) -> str:
    """The folder that all of them lie in."""
    return os.path.commonpath({os.path.dirname(ledger.path) for ledger in ledgers})  # noqa: PTH120


def _entries(ledgers: Sequence[Ledger]) -> list[_Entry]:
    place = cache.path_of("rows", home_of(ledgers))
    known: dict[str, _Entry] = cache.load(place) or {}
    entries, settled = [], {}
    for ledger, stamp in zip(ledgers, stamps_of(ledgers), strict=True):
        key = str(ledger.path)
        entry = known.get(key)
        if entry is None or stamp is None or entry[0] != tuple(stamp):
            entry = (tuple(stamp or ()), _read(ledger.path))
        if is_settled(stamp):
            settled[key] = entry
        entries.append(entry)
    if any(known.get(key) is not entry for key, entry in settled.items()):
        asked = {str(ledger.path) for ledger in ledgers}
        others = (key for key in known if key not in asked and os.path.lexists(key))
        cache.save(place, {**{key: known[key] for key in others}, **settled})
    return entries


def _read(change: Path) -> list[Brief]:
    from agentd.ledger.store import StateStore

    if _stamp(f"{change}/STATE.yaml") is None and change.is_dir():
        return []
    return StateStore(change).brief_calls()


def _stamp(path: str) -> Stamp | None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return Stamp(found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
