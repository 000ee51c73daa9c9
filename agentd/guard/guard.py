"""Compares a project before and after a run of a CLI: what was written, what must not have been."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentd.guard.backup import Entry, Kept
from agentd.guard.code import Code
from agentd.project.layout import Project
from agentd.project.other_holds import Others

_OWN_NAMES = ("config.toml", "config.yaml", "project.md", ".gitignore", "templates")
_PASSING = (".lock", ".tmp", ".swp", "~", ".DS_Store")  # of agentd itself, and of editors


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What a run may write; it comes from the step table alone, never from a document.

    ``documents`` are absolute paths of files, or of folders for all that lies below. ``code`` says
    whether it may change the project's files other than agentd's own.
    """

    documents: tuple[Path, ...]
    code: bool = False

    def names(self, path: Path) -> bool:
        """Whether ``path`` is one of the documents."""
        return any(document == path or document in path.parents for document in self.documents)


@dataclass(frozen=True, slots=True)
class Forbidden:
    """A path that the run may not change, and ``what`` became of it: new, changed, deleted ...

    ``own`` are agentd's own files, which :meth:`Guard.restore` puts back.
    """

    path: Path
    what: str
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a run changed, each sorted by path.

    ``written`` are allowed documents that are new or have new content, ``code`` the project's
    other files that changed, ``forbidden`` what may not. ``misplaced`` are files that changed and
    are called like an allowed document that was not written. ``at_work`` are the ids of other
    changes that were worked on meanwhile: their files, and those that all changes share (main
    specs, archive, code), can't be laid at this run's door and are not in ``forbidden``.
    """

    written: tuple[Path, ...]
    forbidden: tuple[Forbidden, ...]
    misplaced: tuple[Path, ...]
    code: tuple[Path, ...]
    at_work: tuple[str, ...] = ()


class Guard:
    """A project as it was before a run. Made by :meth:`before`."""

    def __init__(self, project: Project, change: Path, allowed: Allowed) -> None:
        self._project = project
        self._change = change
        self._allowed = allowed
        # First of all: who takes up another change from now on is seen by the time of its hold.
        self._others = Others.look(project, change)
        places = [*_own_places(project), *allowed.documents]
        self._kept = Kept(project.root, places, self._skip)
        self._seen: dict[Path, Entry] = {}
        passing = [*self._kept.places, project.running_dir]  # other calls come and go there
        self._code = Code(project.root, _below(project.root, passing))

    @classmethod
    def before(cls, project: Project, change: Path, allowed: Allowed) -> Guard:
        """Take in the project right before the run of a CLI, after agentd's own writes."""
        return cls(project, change, allowed)

    def after(self) -> Changes:
        """What changed since; to be called right after the run, before agentd writes anything.

        Not judged are the folders ``runs/`` and ``.running/``, files that git ignores, and what
        lies outside the project's root.
        """
        self._seen = self._kept.now()
        code, git = self._code.changed()
        # Last of all, for the same reason as above.
        at_work = self._others.at_work_until(Others.look(self._project, self._change))
        own = dict(self._own_changes())
        written = [path for path in own if self._allowed.names(path) and self._is_written(path)]
        forbidden = [
            Forbidden(path, what, own=True)
            for path, what in own.items()
            if not self._is_allowed(path) and not self._may_be_of_others(path, at_work)
        ]
        forbidden += [Forbidden(path, what) for path, what in git]
        if not self._allowed.code and not at_work:
            forbidden += [Forbidden(path, _became(path)) for path in code]
        there = [path for path in (*own, *code) if os.path.lexists(path)]
        return Changes(
            written=tuple(sorted(written)),
            forbidden=tuple(sorted(forbidden, key=lambda entry: entry.path)),
            misplaced=tuple(sorted(_misplaced(there, written, self._allowed))),
            code=tuple(code),
            at_work=tuple(sorted(at_work)),
        )

    def restore(self, changes: Changes, aside: Path) -> list[Path]:
        """Put agentd's own files among ``changes.forbidden`` back, byte for byte.

        What stands there is moved into the folder ``aside``. A file that changed again since
        :meth:`after` is left: agentd, or a person, wrote it. Returns the paths that were put back.
        Raises OSError.
        """
        now = self._kept.now()
        done = []
        for entry in changes.forbidden:  # in this order a folder comes before what is in it
            if entry.own and now.get(entry.path) == self._seen.get(entry.path):
                self._kept.put_back(entry.path, aside)
                done.append(entry.path)
        return done

    def _own_changes(self) -> Iterator[tuple[Path, str]]:
        """What became of each of agentd's files and of the documents; folders do not count."""
        for path in self._kept.entries.keys() | self._seen.keys():
            before, now = self._kept.entries.get(path), self._seen.get(path)
            was_there = before is not None and before.kind != "dir"
            if now is None or now.kind == "dir":
                if was_there:
                    yield path, "deleted"
            elif now != before:
                kinds = {"link": "now a link", "other": "now no file"}
                yield path, kinds.get(now.kind, "changed" if was_there else "new")

    def _is_written(self, path: Path) -> bool:
        before, now = self._kept.entries.get(path), self._seen.get(path)
        old = before.content if before is not None and before.kind == "file" else None
        return now is not None and now.kind == "file" and now.content != old

    def _is_allowed(self, path: Path) -> bool:
        """Whether it is a document, and not put in a form that agentd must not write through."""
        now = self._seen.get(path)
        return self._allowed.names(path) and (now is None or now.kind in ("file", "dir"))

    def _may_be_of_others(self, path: Path, at_work: frozenset[str]) -> bool:
        if not at_work:
            return False
        theirs = [self._project.changes_dir / name for name in at_work]
        shared = (self._project.specs_dir, self._project.archive_dir)
        return any(path.is_relative_to(folder) for folder in (*theirs, *shared))

    def _skip(self, path: Path) -> bool:
        """Whether one of agentd's files is not judged: the logs of runs, and what passes."""
        if path.name.endswith(_PASSING):
            return True
        homes = (self._project.changes_dir, self._project.archive_dir)
        return path.name == "runs" and path.parent.parent in homes and not path.is_symlink()


def _own_places(project: Project) -> Iterator[Path]:
    yield from (project.specs_dir, project.changes_dir, project.archive_dir)
    for folder in {project.agentd_dir, project.changes_dir.parent}:
        yield from (folder / name for name in _OWN_NAMES)


def _below(root: Path, places: Sequence[Path]) -> Callable[[str], bool]:
    """Tells whether a path relative to ``root`` is one of ``places``, or below one."""
    exact = frozenset(str(path.relative_to(root)) for path in places)
    prefixes = tuple(f"{path}/" for path in exact)
    return lambda path: path in exact or path.startswith(prefixes)


def _misplaced(there: list[Path], written: list[Path], allowed: Allowed) -> Iterator[Path]:
    owed = [
        document.name.casefold()
        for document in allowed.documents
        if not any(path.is_relative_to(document) for path in written)
    ]
    for path in there:
        names = (path.name.casefold(), path.parent.name.casefold())
        if not allowed.names(path) and any(name in owed for name in names):
            yield path


def _became(path: Path) -> str:
    return "new or changed" if os.path.lexists(path) else "deleted"
