"""agentd's own files during a run: who changed them, and how they are put back."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from agentd.errors import LockHeld, StateError
from agentd.guard.backup import Backup
from agentd.guard.evolution import Evolution
from agentd.guard.tree import Look, look_at
from agentd.guard.write_log import OwnWrite, WriteLog
from agentd.project.change import Change
from agentd.project.layout import STATE_FILE, Project

_NAMES = ("config.toml", "config.yaml", "project.md", ".gitignore", "templates")
_PASSING = (".lock", ".tmp", ".swp", "~", ".DS_Store")  # of agentd itself, and of editors


class OwnFiles:
    """agentd's files of a project, and ``documents``, as they were when this was made.

    Raises StateError or OSError when the log of agentd's writes can't be made.
    """

    def __init__(self, project: Project, documents: Iterable[Path]) -> None:
        self._project = project
        self._log = WriteLog(project.root)
        with self._log.sole_writer():  # so that each write is in the backup or in the log
            self._backup = Backup(project.root, [*_places(project), *documents], self._skip)
        self.places = self._backup.places
        self.seen: dict[Path, Look] = {}

    def close(self) -> None:
        """Stop watching."""
        self._log.close()

    def look(self) -> None:
        """Take in how they are now, which is what the other methods tell of."""
        self.seen = self._backup.now()

    def changes(self) -> dict[Path, str]:
        """What became of each that somebody but agentd changed; folders do not count."""
        writes = self._log.read()  # after looking: a write is noted before it is done
        written = [path for path in map(self._path, writes) if self._is_judged(path)]
        changed = {}
        for path in {*self._backup.entries, *self.seen, *written}:
            is_noted = self._place(path) in writes
            if not (is_noted and self._is_agentds(path)) and (what := self._what(path, is_noted)):
                changed[path] = what
        return changed

    def is_agentds_code(self, path: Path) -> bool:
        """Whether agentd wrote a file that is not its own here: a project within this one."""
        return Evolution(None, None, self._writes(path)).ends_in(look_at(path))

    def is_new(self, path: Path) -> bool:
        """Whether it is a file with another content than before."""
        before, now = self._backup.entries.get(path), self.seen.get(path)
        old = before.digest if before is not None and before.kind == "file" else None
        return now is not None and now.kind == "file" and now.digest != old

    def is_ledger_in_place(self, path: Path) -> bool:
        """Whether it is a ledger that was there and is: not moved into the archive."""
        return self._is_ledger(path) and path in self._backup.entries and path in self.seen

    def put_back(self, path: Path, aside: Path) -> bool:
        """Make it what it was, with what agentd wrote since. False when it is left as it is.

        That is when somebody changed it again since :meth:`look`, when agentd replaced it whole
        after the change, and when another process holds its lock. Raises OSError.
        """
        try:
            with self._sole_writer(path):
                now = look_at(path)
                evolution = self._evolution(path)
                if now == evolution.before and not evolution.writes:
                    return True  # it went aside with the folder that it was in
                if now != self.seen.get(path) and not evolution.ends_in(now):
                    return False
                data = evolution.restored()
                if evolution.writes and (data is None or evolution.is_restored(now, data)):
                    return False
                # Other guards are told of a write that entered nothing: they know what was.
                entry = (lambda: "") if self._is_ledger(path) else None
                self._backup.put_back(path, aside, data, entry=entry)
        except LockHeld:
            return False
        return True

    def _what(self, path: Path, is_noted: bool) -> str | None:
        before, now = self._backup.entries.get(path), self.seen.get(path)
        was_there = before is not None and before.kind != "dir"
        if now is None or now.kind == "dir":
            return "deleted" if was_there or is_noted else None
        if now == before and not is_noted:
            return None
        kinds = {"link": "now a link", "other": "now no file"}
        return kinds.get(now.kind, "changed" if was_there or is_noted else "new")

    def _is_agentds(self, path: Path) -> bool:
        """Whether nobody but agentd changed it, as it is now that no agentd writes it."""
        try:
            with self._sole_writer(path):
                now = look_at(path)
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
            if self._is_ledger(path) and path.parent.is_dir() and not path.parent.is_symlink():
                _enter(stack, Change(self._project, path.parent.name, path.parent).ledger.locked())
            _enter(stack, self._log.sole_writer())
            yield

    def _evolution(self, path: Path) -> Evolution:
        before = self._backup.entries.get(path)
        return Evolution(before, self._backup.data(path), self._writes(path))

    def _writes(self, path: Path) -> list[OwnWrite]:
        return self._log.read().get(self._place(path), [])

    def _place(self, path: Path) -> str:
        return str(path.relative_to(self._project.root))

    def _path(self, place: str) -> Path:
        return self._project.root / place

    def _is_ledger(self, path: Path) -> bool:
        homes = (self._project.changes_dir, self._project.archive_dir)
        return path.name == STATE_FILE and path.parent.parent in homes

    def _is_judged(self, path: Path) -> bool:
        around = (path, *path.parents)
        is_own = not self._backup.given.isdisjoint(around)
        return is_own and ".." not in path.parts and not any(map(self._skip, around))

    def _skip(self, path: Path) -> bool:
        """Whether one of agentd's files is not judged: the logs of runs, and what passes."""
        if path.name.endswith(_PASSING):
            return True
        homes = (self._project.changes_dir, self._project.archive_dir)
        return path.name == "runs" and path.parent.parent in homes and not path.is_symlink()


def _enter(stack: contextlib.ExitStack, lock: contextlib.AbstractContextManager[None]) -> None:
    """Hold a lock, unless the run left nothing there that could be locked, or written to."""
    try:
        stack.enter_context(lock)
    except LockHeld:
        raise
    except (StateError, OSError):
        return


def _places(project: Project) -> Iterator[Path]:
    yield from (project.specs_dir, project.changes_dir, project.archive_dir)
    for folder in {project.agentd_dir, project.changes_dir.parent}:
        yield from (folder / name for name in _NAMES)
