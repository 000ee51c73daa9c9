"""A repository's files before and after a run, as git sees them: which changed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agentd.files import TEMPORARY, file_stamp, is_abandoned, read_plain, write_atomic
from agentd.frozen import frozen
from agentd.git import GitFailed
from agentd.guard.aside import move_aside
from agentd.guard.baseline import Baseline
from agentd.guard.copies import HASHED_BYTES, MADE, Copies, look_again
from agentd.guard.findings import Told
from agentd.guard.git_place import GitPlace
from agentd.guard.git_refs import other_worktrees
from agentd.guard.git_status import (
    HIDDEN,
    Entry,
    Status,
    clean_module,
    folders_of,
    folders_of_names,
    hidden_by_flags,
    names_in,
    tracked,
)
from agentd.guard.lost_files import Loss, LostFiles
from agentd.guard.rules import GIT
from agentd.guard.staged import StagedFiles
from agentd.guard.tree import Look, is_judged, look_at
from agentd.late_pattern import late_pattern

_WORKTREES = late_pattern(r"(?:^|/)\.(?:[^/]+/)?worktrees/[^/]+$")  # .claude/worktrees/agent-1
_MODULE = b"\0\0\xe0\0"  # the mode of a submodule, as it stands in an index
_HASHED_FILES = 2000  # with more than these uncommitted, all are judged by their stamps


@frozen(kw_only=True)
class FileChanges:
    """What became of the files: paths below the repository's top, each sorted.

    ``changed`` are those that are not ignored. ``hidden`` are new files that a .gitignore hides
    that is new as well, ``flagged`` those whose flags in the index changed, with the letter before,
    "H" for none. ``gone`` are ignored files and folders that vanished and of which nothing is kept.
    """

    changed: list[str]
    losses: list[Loss]
    hidden: list[str]
    gone: list[str]
    flagged: dict[str, str]
    status: Status


class Repository:
    """The files of the repository at ``place``, kept in a baseline.

    ``skip`` tells which paths below its top are left out.
    """

    def __init__(self, place: GitPlace, baseline: Baseline, skip: Callable[[str], bool]) -> None:
        self._place = place
        self._baseline = baseline
        self._skip = skip

    @property
    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = self._baseline.facts["repository"]
        return facts

    def keep(self, left_by_steps: Mapping[str, str]) -> None:
        """Keep what is needed to judge later. Raises GitFailed, OSError.

        ``left_by_steps`` has the hashes of uncommitted files as a step left them: what is still so
        is no person's.
        """
        index = self._place.git_dir / "index"
        stamp = file_stamp(index)
        self._baseline.keep_bytes("git index", index.read_bytes() if stamp is not None else b"")
        status = Status.read(self._place)
        told = b"" if stamp is None else tracked(self._place)
        hidden = hidden_by_flags(told)
        dirty = {path: entry for path, entry in status.entries.items() if not self._skip(path)}
        # Uncommitted, but git is told not to look. In a sparse checkout they are not there.
        dirty |= {path: Entry(HIDDEN) for path in list(hidden)[:_HASHED_FILES] if path not in dirty}
        StagedFiles(self._place, self._baseline).keep(dirty)
        copies = Copies(self._baseline, self._place.top)
        are_hashed = len(dirty) <= _HASHED_FILES
        for path, entry in dirty.items():
            copies.look(path, entry, is_hashed=are_hashed)
        ignored = list(copies.ignored(names_in(status.ignored_text), self._skip))
        folders = {*folders_of(told), *copies.folders, *folders_of_names((*dirty, *ignored))}
        whole = [name for name in folders if not self._is_repository(name)]
        self._baseline.keep_bytes("git folders", os.fsencode("\0".join(whole)))
        inner = {path for path in dirty if self._is_repository(path)}
        self._baseline.facts["git inner"] = sorted(inner | self._modules())
        self._baseline.keep_bytes("git ignored", os.fsencode(status.ignored_text))
        looks = self._baseline.entries
        self._baseline.facts["repository"] = {
            "stamp": stamp,
            "dirty": {path: list(entry) for path, entry in dirty.items()},
            "ignored": ignored,
            "flags": hidden,
            "by steps": [
                path
                for path in dirty
                if (look := looks.get(self._place.top / path)) is not None
                and look.digest is not None
                and left_by_steps.get(path) == look.digest.hex()
            ],
        }

    def _modules(self) -> set[str]:
        """The paths of submodules."""
        if _MODULE not in (self._baseline.kept_bytes("git index") or b""):
            return set()
        listed = os.fsdecode(self._place.ask("ls-files", "-s", "-z")).split("\0")
        return {line.partition("\t")[2] for line in listed if line.startswith("160000 ")}

    def changes(self) -> FileChanges:
        """What changed since. Raises GitFailed."""
        dirty = {path: Entry(*values) for path, values in self._facts["dirty"].items()}
        before_text = os.fsdecode(self._baseline.kept_bytes("git ignored") or b"")
        with self._index_of_before() as index:
            status = Status.read(self._place, index)
            flagged = self._flagged(index)
        was_ignored = frozenset(names_in(before_text))
        is_ignored = was_ignored
        if status.ignored_text != before_text:
            is_ignored = frozenset(names_in(status.ignored_text))
        looks = {path: self._look(path, status.entries.get(path)) for path in dirty}
        changed = [
            path
            for path in dirty
            if self._differs(path, dirty[path], looks[path]) and not self._is_worktree(path)
        ]
        ignored_files = frozenset(self._facts["ignored"])
        for path, entry in status.entries.items():
            if path in dirty or self._skip(path) or entry.state == ".":
                continue
            if entry.state == "?" and (self._is_half_back(path) or self._is_worktree(path)):
                continue
            if path in ignored_files or path in was_ignored or f"{path}/" in was_ignored:
                continue  # only the .gitignore changed
            if entry.is_module and self._look(path, entry) == clean_module(entry.in_index):
                continue  # build caches in it
            changed.append(path)
        vanished = [name for name in was_ignored - is_ignored if self._is_gone(name)]
        return FileChanges(
            changed=sorted(changed),
            losses=LostFiles(self._place, self._baseline).lost(dirty, looks, changed),
            hidden=sorted(self._hidden(is_ignored - was_ignored)),
            gone=sorted(name for name in vanished if name.rstrip("/") not in ignored_files),
            flagged=flagged,
            status=status,
        )

    def planted(self) -> list[Path]:
        """What makes a repository of its own of a folder that was there, and is new.

        It hides files, and git runs what its settings name for whoever is in that folder.
        """
        folders = os.fsdecode(self._baseline.kept_bytes("git folders") or b"")
        return [
            self._top(name) / ".git"
            for name in sorted(filter(None, folders.split("\0")))
            if self._is_repository(name) and not self._skip(f"{name}/.git")
        ]

    def put_back_index(self, aside: Path) -> list[Told]:
        """Put the index back where it is gone or broken: it holds what a person has staged.

        Returns what to tell. Raises GitFailed when git can't read that either, OSError.
        """
        index = self._place.git_dir / "index"
        stamp, now = self._facts["stamp"], file_stamp(index)
        if stamp is None or (now is not None and list(now) == list(stamp)):
            return []
        with contextlib.suppress(GitFailed):
            if index.is_file():
                self._place.ask("ls-files", "--", ":(literal)of no file, only to read it")
                return []
        move_aside(index, aside, Path(".git/index"))
        write_atomic(index, self._baseline.kept_bytes("git index") or b"")
        return [Told("Put back: .git/index (deleted or broken)", GIT)]

    def before(self, path: str, entry: Entry | None) -> bytes | None:
        """The bytes of a file before, from the baseline or from git; None where there are none."""
        if self._top(path) in self._baseline.entries:
            return self._baseline.data(self._top(path))
        if entry is None or not entry.in_index or entry.is_module:
            return None
        with contextlib.suppress(GitFailed):
            return self._place.ask("cat-file", "blob", entry.in_index)
        return None

    def left_by_step(self, changes: FileChanges) -> dict[str, str]:
        """The hashes of uncommitted files that are a step's work alone, as they are now."""
        mine = frozenset(self._facts["by steps"])
        were_dirty = self._facts["dirty"]
        found = {}
        for path in (*mine, *changes.changed):
            if path in were_dirty and path not in mine:
                continue
            look = look_at(self._top(path), hash_up_to=HASHED_BYTES)
            if look is not None and look.kind == "file" and look.digest is not None:
                found[path] = look.digest.hex()
        return found

    def _is_repository(self, folder: str) -> bool:
        return os.path.lexists(f"{self._place.top}/{folder}/.git")

    def _top(self, path: str) -> Path:
        return self._place.top / path

    def _look(self, path: str, entry: Entry | None) -> Look | None:
        return look_again(self._top(path), entry, self._baseline)

    def _differs(self, path: str, entry: Entry, now: Look | None) -> bool:
        before = self._baseline.entries.get(self._top(path))
        if before is None or now is None:
            return before is not now
        if entry.is_module and now == clean_module(entry.in_index):
            return False  # `git submodule update`
        return not before.same_as(now)

    def _is_half_back(self, path: str) -> bool:
        """Whether it is what was left of a bringing back that was killed; it is removed then."""
        folder, _, name = path.rpartition("/")
        if TEMPORARY.fullmatch(name) is None:
            return False
        whole = self._top(f"{folder}/{name[1:-13]}".lstrip("/"))
        with contextlib.suppress(OSError):
            data = self._baseline.data(whole)
            is_part = data is not None and data.startswith(read_plain(self._top(path)))
            if is_part and is_abandoned(self._top(path)):
                self._top(path).unlink()
                return True
        return False

    def _hidden(self, new: Iterable[str]) -> Iterator[str]:
        """New ignored files that are so by a .gitignore that is new and ignored itself."""
        there = [name for name in new if is_judged(name.rstrip("/"))]
        rules = {f"{os.path.dirname(name)}/" for name in there if name.endswith("/.gitignore")}  # noqa: PTH120
        for name in there:
            if any(name.startswith(rule) for rule in rules) and not self._skip(name.rstrip("/")):
                yield name

    def _is_worktree(self, path: str) -> bool:
        """Whether it is a working tree where agents make theirs; a new one is told of anyway."""
        if _WORKTREES.search(path) is None or not self._top(path).is_dir():
            return False
        return str(self._top(path)) in other_worktrees(self._place)

    def _is_gone(self, name: str) -> bool:
        return (
            not name.rstrip("/").endswith(MADE)
            and not self._skip(name.rstrip("/"))
            and not os.path.lexists(self._top(name.rstrip("/")))
        )

    def _flagged(self, index: Path | None) -> dict[str, str]:
        """The files whose flags changed, with the letter of before."""
        if index is None:
            return {}
        before, now = self._facts["flags"], hidden_by_flags(tracked(self._place))
        names = {path for path, letter in now.items() if before.get(path) != letter}
        names |= before.keys() - now.keys()
        return {path: before.get(path, "H") for path in sorted(names)}

    @contextlib.contextmanager
    def _index_of_before(self) -> Iterator[Path | None]:
        """The index as it was, None when it is so still.

        Judged by it, staging is no change, and no flag or forged stamp in a new one hides one.
        """
        stamp = self._facts["stamp"]
        index = self._place.git_dir / "index"
        now = file_stamp(index)
        if (now and list(now)) == (stamp and list(stamp)):
            yield None
            return
        copy = self._baseline.path.with_suffix(".index")
        copy.unlink(missing_ok=True)
        try:
            if stamp is not None:
                copy.write_bytes(self._baseline.kept_bytes("git index") or b"")
                # git reads files again that are as young as the index.
                os.utime(copy, ns=(stamp[0], stamp[0]))
            yield copy
        finally:
            copy.unlink(missing_ok=True)
