"""Compares a project before and after a run of a CLI: what was written, what must not have been."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from agentd.config.model import Commits
from agentd.frozen import frozen
from agentd.guard.baseline import ENDING, Baseline
from agentd.guard.findings import Findings, Forbidden, Told
from agentd.guard.own_files import OwnFiles
from agentd.guard.project_files import ProjectFiles
from agentd.guard.rules import OWN, WRITE_ONLY
from agentd.project.change import Change
from agentd.project.hold import Holds
from agentd.state_folder import make_state_folder

# What a command that edits the config leaves, or has there for a moment.
_NAMED = 5
_OF_CONFIG = re.compile(r"agentd/\.[^/]*\.(?:lock|tmp)")


@frozen(kw_only=True)
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


class Guard:
    """A project as it is right before the run of a CLI, for a ``with`` block.

    Making it raises StateError or OSError.
    """

    def __init__(
        self, change: Change, allowed: Allowed, aside: Path, commits: Commits = "undo"
    ) -> None:
        project = change.project
        self._project = project
        self._change = change.folder
        self._allowed = allowed
        self._aside = aside
        # First of all: who takes up another change from now on is seen by the time of its hold.
        self._others = Holds.on_others(project, change.folder)
        self._own = OwnFiles(project, allowed.documents)
        passing = [*self._own.places, project.running_dir]  # other calls come and go there
        state = Path(make_state_folder(str(project.root)))
        self._baseline = Baseline.new(state / f"{os.urandom(8).hex()}{ENDING}")
        self._files = ProjectFiles(project.root, _below(project.root, passing), self._baseline)
        self._files.keep(commits)

    def __enter__(self) -> Guard:
        return self

    def __exit__(self, *exception: object) -> None:
        self._own.close()
        self._baseline.delete()

    def after(self) -> Findings:
        """What the run changed since; to be called right after it.

        git's own state is put back first, a person's lost files in the end; what stood there goes
        aside. Files as they were before go into the folder ``before`` beside that.
        Not judged are the folders ``runs/`` and ``.running/``, what agentd itself wrote, in
        whatever process, and what may be the work of somebody who was at work on another change
        meanwhile. What lies around the project in its repository is judged like the project where
        the run may not change code, and told elsewhere. Raises OSError.
        """
        self._own.look()
        judged = self._files.judge(self._aside, code=self._allowed.code)
        # Last of all, for the same reason as above.
        at_work = self._others.at_work_until(Holds.on_others(self._project, self._change))
        own = self._own.changes()
        code = [path for path in judged.code if not self._own.is_agentds_code(path)]
        written = [path for path in own if self._allowed.names(path) and self._own.is_new(path)]
        forbidden = [
            Forbidden(path, what, own=True, rule=OWN)
            for path, what in own.items()
            if not self._is_allowed(path) and not self._may_be_of_others(path, at_work)
        ]
        forbidden += judged.forbidden
        told = judged.told
        if self._allowed.code and judged.around:
            names = ", ".join(map(str, judged.around[:_NAMED]))
            more = len(judged.around) - _NAMED
            names += f" and {more} more" if more > 0 else ""
            told.append(Told(f"Changed around the project: {names}", WRITE_ONLY))
        if not self._allowed.code and not at_work:
            forbidden += self._forbidden_code([*code, *judged.around])
        told += self._files.bring_back(self._aside.parent / "before")
        there = [path for path in (*own, *code) if os.path.lexists(path)]
        return Findings(
            written=tuple(sorted(written)),
            forbidden=tuple(sorted(forbidden, key=lambda entry: entry.path)),
            misplaced=tuple(sorted(_misplaced(there, written, self._allowed))),
            told=tuple(told),
        )

    def _forbidden_code(self, paths: Sequence[Path]) -> Iterator[Forbidden]:
        for number, path in enumerate(paths):
            diff = self._files.diff(path) if number < _NAMED else ""
            yield Forbidden(path, _became(path), rule=WRITE_ONLY, diff=diff)

    def restore(self, paths: Iterable[Path], aside: Path) -> list[Path]:
        """Put agentd's own files back, with what agentd wrote since: those of ``paths``, in order.

        What stands there is kept in the folder ``aside``. A file that somebody changed since
        :meth:`after` is left (see :meth:`OwnFiles.put_back`). Returns the paths that were put back.
        Raises OSError.
        """
        return [path for path in paths if self._own.put_back(path, aside)]

    def _is_allowed(self, path: Path) -> bool:
        """Whether it is a document, and not put in a form that agentd must not write through."""
        now = self._own.seen.get(path)
        return self._allowed.names(path) and (now is None or now.kind in ("file", "dir"))

    def _may_be_of_others(self, path: Path, at_work: frozenset[str]) -> bool:
        """Whether it is of a change that was worked on meanwhile, or of all changes.

        A ledger is not: agentd's own writes are known there.
        """
        if not at_work or self._own.is_ledger_in_place(path):
            return False
        theirs = [self._project.changes_dir / name for name in at_work]
        shared = (self._project.specs_dir, self._project.archive_dir)
        return any(path.is_relative_to(folder) for folder in (*theirs, *shared))


def _below(root: Path, places: Sequence[Path]) -> Callable[[str], bool]:
    """Tells whether a path relative to ``root`` is one of ``places``, below one, or passing."""
    exact = frozenset(str(path.relative_to(root)) for path in places)
    prefixes = tuple(f"{path}/" for path in exact)
    return lambda path: (
        path in exact or path.startswith(prefixes) or _OF_CONFIG.fullmatch(path) is not None
    )


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
