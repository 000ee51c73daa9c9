"""agentd's own files during a run: who changed them, and how they are put back."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from agentd.errors import LockHeld, StateError
from agentd.files import is_abandoned
from agentd.guard.backup import Backup
from agentd.guard.baseline import Baseline
from agentd.guard.crowds import Crowds
from agentd.guard.evolution import Evolution
from agentd.guard.own_places import OwnPlaces
from agentd.guard.tree import Look, look_at
from agentd.guard.write_log import OwnWrite, WriteLog
from agentd.project.change import Change


class OwnFiles:
    """agentd's files of a project, and ``documents``, as a baseline has them.

    ``log`` has agentd's writes since; ``run_dir`` is the folder of the run that is watched.
    """

    def __init__(
        self, places: OwnPlaces, documents: Iterable[Path], log: WriteLog, baseline: Baseline
    ) -> None:
        self._rules = places
        self._root = places.project.root
        self._log = log
        crowds = Crowds(places.run_of, places.is_vital, places.is_being_written)
        given = [*documents, *places.all()]
        self._backup = Backup(self._root, given, places.kept, crowds, baseline)
        self.places = self._backup.places
        self.seen: dict[Path, Look] = {}

    def keep(self) -> None:
        """Take them in as they are now. Raises OSError, LockHeld."""
        with self._log.sole_writer():  # so that each write is in the backup or in the log
            self._log.skip_earlier()
            self._backup.keep()

    def read(self) -> None:
        """Take in what another process has kept."""
        self._backup.read()

    def look(self) -> None:
        """Take in how they are now, which is what the other methods tell of."""
        self.seen = self._backup.now()

    def changes(self) -> dict[Path, str]:
        """What became of each that somebody but agentd changed.

        A folder counts only in the place of a record.
        """
        noted = frozenset(self._log.read())  # after looking: a write is noted before it is done
        written = [path for path in map(self._path, noted) if self._is_judged(path)]
        changed = {}
        for path in {*self._backup.entries, *self.seen, *written}:
            if self._rules.passes(path, self.seen.get(path), self._backup.entries):
                continue
            is_noted = self._place(path) in noted
            if not (is_noted and self._is_agentds(path)) and (what := self._what(path, is_noted)):
                changed[path] = what
        return changed

    def is_agentds_code(self, path: Path) -> bool:
        """Whether agentd wrote a file that is not its own here: a project within this one."""
        writes = self._writes(path)
        return bool(writes) and Evolution(None, None, writes).ends_in(look_at(path))

    def is_new(self, path: Path) -> bool:
        """Whether it is a file with another content than before."""
        before, now = self._backup.entries.get(path), self.seen.get(path)
        if now is None or now.kind != "file":
            return False
        return before is None or before.kind != "file" or not _has_same_content(before, now)

    def is_ledger_in_place(self, path: Path) -> bool:
        """Whether it is a ledger that was there and is: not moved into the archive."""
        return self._rules.is_ledger(path) and path in self._backup.entries and path in self.seen

    def is_ledger(self, path: Path) -> bool:
        """Whether it is the STATE.yaml of a change."""
        return self._rules.is_ledger(path)

    def is_agentds_alone(self, path: Path) -> bool:
        """Whether no person writes there."""
        return self._rules.is_agentds_alone(path)

    def is_unnoted_record(self, path: Path) -> bool:
        """Whether somebody but agentd put a file there that agentd believes."""
        return path in self.seen and self._rules.is_noted_record(path)

    def as_agentd_left_it(self, path: Path) -> bytes | None:
        """The bytes that agentd gave a file last, since the guard began or before; None: none.

        A first writing that nobody saw the end of counts if the file is there.
        """
        evolution = self._evolution(path)
        is_begun = evolution.before is None and not evolution.has_ended
        return None if is_begun and not os.path.lexists(path) else evolution.restored()[1]

    def uncopied(self) -> list[Path]:
        """What has no copy, as it is too large or one of too many: files, and folders of runs."""
        found: dict[Path, None] = {}
        for path, look in self._backup.entries.items():
            if look.is_crowd:
                found[self._rules.run_of(path) or path] = None
            elif look.kind == "file" and look.at < 0 and self._rules.is_kept_whole(path):
                found[path] = None
        return sorted(found)

    def is_copied(self, path: Path) -> bool:
        """Whether it can be put back, as far as that is known from before."""
        return self._evolution(path).restored()[0] and not self._is_crowd(path)

    def keep_as_before(self, path: Path, aside: Path) -> None:
        """Leave what stands there, and put what was there before into ``aside``. Raises OSError."""
        is_known, data = self._evolution(path).restored()
        if is_known and data is not None:
            self._backup.put_aside(path, aside, data)

    def clear_way(self, folder: Path, aside: Path) -> list[Path]:
        """Let nothing that an agent left be in a folder's way: see ``Backup``. Raises OSError."""
        return self._backup.clear_way(folder, aside)

    def put_back(self, path: Path, aside: Path) -> bool:
        """Make it what it was, with what agentd wrote since. False when it is left as it is.

        That is when somebody changed it again since :meth:`look`, when agentd replaced it whole
        after the change, when nobody knows what it was, and when another process holds its lock.
        Of files that are looked at as one what stands in their folder's place goes aside, too.
        Raises OSError.
        """
        try:
            with self._sole_writer(path):
                now = self._backup.look(path)
                evolution = self._evolution(path)
                if _are_same(now, evolution.before) and not evolution.writes:
                    return True  # it went aside with the folder that it was in
                if not _are_same(now, self.seen.get(path)) and not evolution.ends_in(now):
                    return False
                is_known, data = evolution.restored()
                is_crowd = self._is_crowd(path)
                if not is_known or (is_crowd and (now is None or now.kind == "dir")):
                    return False
                if evolution.writes and data is not None and evolution.is_restored(now, data):
                    return False
                # Other guards are told of a write that entered nothing: they know what was.
                entry = (lambda: "") if self._rules.is_ledger(path) else None
                self._backup.put_back(path, aside, data, entry=entry)
        except LockHeld:
            return False
        return not is_crowd

    def clear(self, aside: Path) -> None:
        """Move what was left of writes that never ended into ``aside``. Raises OSError."""
        for path in self.seen.keys() - self._backup.entries.keys():
            if self._rules.is_temporary(path) and is_abandoned(path):
                self._backup.put_back(path, aside, None, entry=None)

    def _what(self, path: Path, is_noted: bool) -> str | None:
        before, now = self._backup.entries.get(path), self.seen.get(path)
        was_there = before is not None and (before.kind != "dir" or before.is_crowd)
        if before is not None and before.is_crowd and now is not None and now.kind == "dir":
            return None if now.digest == before.digest else "changed"
        if now is None or now.kind == "dir":
            if was_there or is_noted:
                return "deleted"
            is_in_the_way = now is not None and before is None and self._rules.is_record(path)
            return "now a folder" if is_in_the_way else None
        if before is not None and before.same_as(now) and not is_noted:
            return None
        kinds = {"link": "now a link", "other": "now no file"}
        return kinds.get(now.kind, "changed" if was_there or is_noted else "new")

    def _is_crowd(self, path: Path) -> bool:
        before = self._backup.entries.get(path)
        return before is not None and before.is_crowd

    def _is_agentds(self, path: Path) -> bool:
        """Whether nobody but agentd changed it, as it is now that no agentd writes it."""
        try:
            with self._sole_writer(path):
                now = self._backup.look(path)
                content = path.read_bytes() if now is not None and now.kind == "file" else b""
                is_agentds = self._evolution(path).is_agentds(now, content)
        except LockHeld:
            return False
        self.seen.pop(path, None)
        if now is not None:
            self.seen[path] = now
        return is_agentds

    @contextlib.contextmanager
    def _sole_writer(self, path: Path) -> Iterator[None]:
        """Meanwhile no agentd writes it. Raises LockHeld."""
        with contextlib.ExitStack() as stack:
            is_in_folder = path.parent.is_dir() and not path.parent.is_symlink()
            if self._rules.is_ledger(path) and is_in_folder:
                change = Change(self._rules.project, path.parent.name, path.parent)
                _enter(stack, change.ledger.locked())
            _enter(stack, self._log.sole_writer())
            yield

    def _evolution(self, path: Path) -> Evolution:
        before = self._backup.entries.get(path)
        return Evolution(before, self._backup.data(path), self._writes(path))

    def _writes(self, path: Path) -> Sequence[OwnWrite]:
        return self._log.read().get(self._place(path), ())

    def _place(self, path: Path) -> str:
        return str(path.relative_to(self._root))

    def _path(self, place: str) -> Path:
        return self._root / place

    def _is_judged(self, path: Path) -> bool:
        around = (path, *path.parents)
        is_own = not self._backup.given.isdisjoint(around)
        inside = (part for part in around if part.is_relative_to(self._root))
        return (
            is_own
            and ".." not in path.parts
            and all(self._rules.kept(part) is not None for part in inside)
        )


def _are_same(one: Look | None, other: Look | None) -> bool:
    return one is other or (one is not None and other is not None and one.same_as(other))


def _has_same_content(before: Look, now: Look) -> bool:
    if before.digest is None or now.digest is None:
        return before.same_as(now)
    return before.digest == now.digest


def _enter(stack: contextlib.ExitStack, lock: contextlib.AbstractContextManager[None]) -> None:
    """Hold a lock, unless the run left nothing there that could be locked, or written to."""
    try:
        stack.enter_context(lock)
    except LockHeld:
        raise
    except (StateError, OSError):
        return
