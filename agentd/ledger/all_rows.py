"""All ledgers of a project, each read again only after it has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from agentd.errors import StateError
from agentd.files import FileStamp, file_stamp
from agentd.ledger import cache
from agentd.ledger.rows import Row, each_once
from agentd.ledger.same_call import sharing
from agentd.text import counted

if TYPE_CHECKING:
    from agentd.ledger.alike import AlikeCalls

Calls = TypeVar("Calls")
Made = TypeVar("Made")
# A file system may keep times to the second or two, so a file this young may change once more
# without looking any different.
SETTLED_NS = 2_000_000_000


class HasLedger(Protocol):
    """A change, as far as this room knows it: its id, and the folder that STATE.yaml lies in."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def folder(self) -> Path:
        """Its folder."""


def read_rows(changes: Sequence[HasLedger], problems: list[StateError] | None = None) -> list[Row]:
    """The calls of all changes, in their order; a change without a STATE.yaml has none.

    A ledger that can't be read is left out and added to ``problems``; without such a list it raises
    StateError.
    """
    return list(chain.from_iterable(read_each(changes, problems)))


def read_each(
    changes: Sequence[HasLedger], problems: list[StateError] | None = None
) -> list[list[Row]]:
    """The same, apart for each change."""
    return read_each_as("rows", lambda rows: rows, changes, problems)


def read_each_as(
    kind: str,
    made: Callable[[list[Row]], Made],
    changes: Sequence[HasLedger],
    problems: list[StateError] | None = None,
) -> list[Made]:
    """What is ``made`` of each change's calls; it is kept as ``kind`` until its ledger changes."""
    if len(changes) < 2:  # not worth a file; that of all is left alone
        return [made(read_ledger(change, problems)) for change in changes]
    place = cache.path_of(kind, home_of(changes))
    known: dict[str, tuple[FileStamp | None, Made]] = cache.load(place) or {}
    every: list[Made] = []
    settled: dict[str, tuple[FileStamp | None, Made]] = {}
    for change, stamp in zip(changes, stamps_of(changes), strict=True):
        key = str(change.folder)
        entry = known.get(key)
        if entry is None or stamp is None or entry[0] != stamp:
            before = len(problems or ())
            entry = (stamp, made(read_ledger(change, problems)))
            if len(problems or ()) > before:
                every.append(made([]))
                continue
        every.append(entry[1])
        if is_settled(stamp):
            settled[key] = entry
    if any(known.get(key) is not entry for key, entry in settled.items()):
        asked = {str(change.folder) for change in changes}
        others = (key for key in known if key not in asked and os.path.lexists(key))
        cache.save(place, {**{key: known[key] for key in others}, **settled})
    return every


def read_ledger(
    change: HasLedger, problems: list[StateError] | None = None, twice: list[str] | None = None
) -> list[Row]:
    """The calls of one ledger, read now; ``twice`` gets the ids that stand there so."""
    from agentd.ledger.reading import read_rows_in

    return _read(read_rows_in, change, problems, twice)


def read_alike(
    change: HasLedger, problems: list[StateError], twice: list[str]
) -> AlikeCalls | list[Row]:
    """The same, to be summed up."""
    from agentd.ledger.reading import read_alike_in

    return _read(read_alike_in, change, problems, twice)


class Counting(NamedTuple):
    """The calls that count in a ledger, and of the others those that count elsewhere.

    ``elsewhere`` has their ids, "" for none, by the id of the change in which they count; that may
    be another ledger of the same one.
    """

    rows: list[Row]
    elsewhere: dict[str, list[str]]

    def told(self, change_id: str) -> Iterator[str]:
        """A sentence for each change in which calls of this one count."""
        for owner, ids in self.elsewhere.items():
            one = f"{counted(len(ids), 'call')} of change {change_id}"
            if owner == change_id:
                yield f"{one} in two ledgers, as after a merge with its archiving; counted once"
            else:
                what = "it" if len(ids) == 1 else "them"
                cure = f"`agentd validate --fix {change_id}` leaves {what} to {owner}"
                yield f"{one} in change {owner} too; counted once, there: {cure}"


def counted_once(
    changes: Sequence[HasLedger], ledgers: Sequence[Sequence[Row]]
) -> dict[str, Counting]:
    """By folder, what counts there, where others of its calls count in another one.

    A merge of a branch that has archived a change leaves it in both places, and two people may have
    imported a session into two changes.
    """
    pairs = zip(changes, ledgers, strict=True)
    names = [{change.id, *(row.call_id for row in rows)} - {""} for change, rows in pairs]
    shared = sorted(sharing(names))
    once = each_once([ledgers[at] for at in shared])
    owners = {row.call_id: row.change_id for rows in once for row in rows if row.call_id}
    found: dict[str, Counting] = {}
    for at, counting in zip(shared, once, strict=True):
        here = set(map(id, counting))
        elsewhere: dict[str, list[str]] = {}
        for row in ledgers[at]:
            if id(row) not in here:
                owner = owners.get(row.call_id, changes[at].id)
                elsewhere.setdefault(owner, []).append(row.call_id)
        if elsewhere:
            found[str(changes[at].folder)] = Counting(counting, elsewhere)
    return found


def _read(
    read: Callable[[Path, str, list[str] | None], Calls],
    change: HasLedger,
    problems: list[StateError] | None,
    twice: list[str] | None,
) -> Calls | list[Row]:
    if file_stamp(f"{change.folder}/STATE.yaml") is None and change.folder.is_dir():
        return []
    try:
        return read(change.folder, change.id, twice)
    except StateError as error:
        if problems is None:
            raise
        problems.append(error)
        return []


def stamps_of(changes: Sequence[HasLedger]) -> list[FileStamp | None]:
    """Each ledger's stamp, None for one that isn't there."""
    return [file_stamp(f"{change.folder}/STATE.yaml") for change in changes]


def is_settled(stamp: FileStamp | None) -> bool:
    """Whether the next write to a ledger of this stamp will change the stamp."""
    return stamp is not None and time.time_ns() - stamp.changed_ns > SETTLED_NS


def home_of(changes: Sequence[HasLedger]) -> str:
    """The folder that all of them lie in."""
    return os.path.commonpath({os.path.dirname(change.folder) for change in changes})  # noqa: PTH120
