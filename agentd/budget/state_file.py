"""Where a StateManager keeps the states of agents, and what happened to them.

A file is an SQLite database, not lines of JSON: several processes may write and read it at once, a
killed one leaves nothing half-written, it holds each agent's latest state however often that is
written, and SQLite comes with Python. With its write-ahead log a write waits for no disk: a power
cut may take the last ones back, but never part of one.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from agentd.errors import StateError

if TYPE_CHECKING:
    import sqlite3

KEPT_EVENTS = 10_000
"""So many events a store keeps, the latest, for those who listen."""

_BUSY_S = 30.0
_READER_BUSY_S = 1.0
_APPLICATION_ID = 0x61676473  # "agds"
_FORMAT = 1
_TABLES = (
    "CREATE TABLE agent_states"
    " (agent_id TEXT PRIMARY KEY, kind TEXT NOT NULL, state TEXT NOT NULL)",
    "CREATE TABLE events (number INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL)",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_FORMAT}",
)


class Kept(NamedTuple):
    """A state as JSON text; ``kind`` says what it was before."""

    kind: str
    state: str


class Store(Protocol):
    """What keeps states and events; its user calls it from one thread at a time."""

    def save(self, agent_id: str, kept: Kept, events: Sequence[str]) -> None:
        """Keep a state and what happened, both or neither."""

    def states(self, agent_id: str | None = None) -> dict[str, Kept]:
        """The states by agent id: of one, if it has one, or of all."""

    def last_event(self) -> int:
        """The number of the last event, 0 before the first."""

    def events_after(self, number: int) -> list[tuple[int, str]]:
        """The later events that are still kept, with their numbers, in order."""

    def close(self) -> None:
        """Use it no more."""


class Memory:
    """In this process alone."""

    def __init__(self) -> None:
        self._states: dict[str, Kept] = {}
        self._events: deque[tuple[int, str]] = deque(maxlen=KEPT_EVENTS)

    def save(self, agent_id: str, kept: Kept, events: Sequence[str]) -> None:
        self._states[agent_id] = kept
        self._events.extend(enumerate(events, self.last_event() + 1))

    def states(self, agent_id: str | None = None) -> dict[str, Kept]:
        if agent_id is None:
            return dict(self._states)
        return {agent_id: self._states[agent_id]} if agent_id in self._states else {}

    def last_event(self) -> int:
        return self._events[-1][0] if self._events else 0

    def events_after(self, number: int) -> list[tuple[int, str]]:
        found: list[tuple[int, str]] = []
        for event in reversed(self._events):
            if event[0] <= number:
                break
            found.append(event)
        return found[::-1]

    def close(self) -> None:
        pass


class File:
    """A file that several processes may share. Each method raises StateError where it can't.

    ``read_only`` neither makes the file nor writes to it; saving is a ValueError then.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        self._read_only = read_only
        self._file: tuple[int, int] | None = None
        with self._errors_told():
            self._db = self._open()

    def save(self, agent_id: str, kept: Kept, events: Sequence[str]) -> None:
        if self._read_only:
            raise ValueError("this StateManager only reads: read_only=True")
        with self._transaction() as db:
            db.execute(
                "INSERT INTO agent_states VALUES (?, ?, ?) ON CONFLICT (agent_id) "
                "DO UPDATE SET kind = excluded.kind, state = excluded.state",
                (agent_id, *kept),
            )
            for event in events:
                added = db.execute("INSERT INTO events (event) VALUES (?)", (event,))
                oldest = (added.lastrowid or 0) - KEPT_EVENTS
                db.execute("DELETE FROM events WHERE number <= ?", (oldest,))

    def states(self, agent_id: str | None = None) -> dict[str, Kept]:
        query = "SELECT agent_id, kind, state FROM agent_states"
        with self._errors_told():
            if agent_id is None:
                rows = self._database().execute(f"{query} ORDER BY agent_id")
            else:
                rows = self._database().execute(f"{query} WHERE agent_id = ?", (agent_id,))
            return {name: Kept(kind, state) for name, kind, state in rows}

    def last_event(self) -> int:
        with self._errors_told():
            found = self._database().execute("SELECT max(number) FROM events").fetchone()
        return int(found[0] or 0)

    def events_after(self, number: int) -> list[tuple[int, str]]:
        with self._errors_told():
            query = "SELECT number, event FROM events WHERE number > ? ORDER BY number"
            return self._database().execute(query, (number,)).fetchall()

    def close(self) -> None:
        self._db.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._errors_told():
            db = self._database()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    def _database(self) -> sqlite3.Connection:
        """That of the file at the path: somebody may have deleted the one that was there."""
        if _identity(self._path) != self._file:
            self._db.close()
            self._db = self._open()
        return self._db

    def _open(self) -> sqlite3.Connection:
        import sqlite3  # only programs that use a file pay for it

        db = sqlite3.connect(
            f"{self._path.as_uri()}?mode={'ro' if self._read_only else 'rwc'}",
            timeout=_READER_BUSY_S if self._read_only else _BUSY_S,
            isolation_level=None,
            check_same_thread=False,
            uri=True,
        )
        with contextlib.ExitStack() as undo:
            undo.callback(db.close)
            if self._read_only:
                self._check_kind(db)
            else:
                self._make_tables(db)
                _use_write_ahead_log(db)
                db.execute("PRAGMA synchronous = NORMAL")
            undo.pop_all()
        self._file = _identity(self._path)
        return db

    def _make_tables(self, db: sqlite3.Connection) -> None:
        db.execute("BEGIN IMMEDIATE")
        (kind,) = db.execute("PRAGMA application_id").fetchone()
        if not kind and not db.execute("SELECT 1 FROM sqlite_master").fetchone():
            for statement in _TABLES:
                db.execute(statement)
        else:
            self._check_kind(db)
        db.execute("COMMIT")

    def _check_kind(self, db: sqlite3.Connection) -> None:
        (kind,), (version,) = (
            db.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version")
        )
        if (kind, version) != (_APPLICATION_ID, _FORMAT):
            raise StateError(
                f"{self._path} is a database, but none of this version's StateManager",
                fix="Name another file.",
            )

    @contextlib.contextmanager
    def _errors_told(self) -> Iterator[None]:
        import sqlite3

        try:
            yield
        except sqlite3.Error as error:
            raise StateError(
                f"the state file {self._path} can't be used: {error}",
                fix="It needs a folder that you may write in, and a disk with room. It holds no "
                "ledger: where it is damaged or no such file, delete it or name another one.",
            ) from error


def _use_write_ahead_log(db: sqlite3.Connection) -> None:
    """Where others open it at the same moment SQLite does not wait by itself."""
    import sqlite3

    deadline = time.monotonic() + _BUSY_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - for each write
    except OSError:
        return None
    return found.st_dev, found.st_ino
