"""Compares a project before and after a run of a CLI: what was written, what must not have been."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from agentd.config.model import Commits
from agentd.files import FileStamp
from agentd.frozen import frozen
from agentd.guard.baseline import Baseline
from agentd.guard.end_watch import EndWatch
from agentd.guard.ended import Ended
from agentd.guard.findings import Findings, Forbidden, Told
from agentd.guard.own_files import OwnFiles
from agentd.guard.own_places import OwnPlaces
from agentd.guard.project_files import ProjectFiles
from agentd.guard.rules import OWN, WRITE_ONLY
from agentd.guard.write_log import WriteLog
from agentd.late_pattern import late_pattern
from agentd.project.change import Change
from agentd.project.hold import Holds
from agentd.project.layout import Project
from agentd.text import some_of

_DIFFS = 5
# What a command that edits the config leaves, or has there for a moment.
_OF_CONFIG = late_pattern(r"agentd/\.[^/]*\.(?:lock|tmp)")


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

    The run's folder is the one around ``aside``, which takes what must not stay. What is needed to
    judge lies on disk: when this process does not live to do it, another one takes the guard over
    (:meth:`left`), as when a block ends before :meth:`after`. Making it raises StateError or
    OSError.
    """

    _log: WriteLog
    _watch: EndWatch | None

    def __init__(
        self, change: Change, allowed: Allowed, aside: Path, commits: Commits = "undo"
    ) -> None:
        with contextlib.ExitStack() as undo:
            log = WriteLog.begin(change.project.root)
            undo.callback(log.remove)
            baseline = Baseline.new(log.baseline)
            undo.callback(baseline.delete)
            self._set_up(change, allowed, aside, log, baseline)
            self._keep(commits)
            baseline.seal()
            self._watch = EndWatch(self._log.end_mark)
            undo.pop_all()

    @classmethod
    def left(cls, root: Path) -> list[Guard]:
        """Those that did not live to judge, of the project at ``root``; they are this process's.

        Raises OSError.
        """
        found = []
        for log in WriteLog.left(root):
            guard = cls.__new__(cls)
            if guard._take_over(root, log):
                found.append(guard)
        return found

    def __enter__(self) -> Guard:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._is_done:
            self._close()
        else:
            self.let_go()

    @property
    def project(self) -> Project:
        """The project that is watched."""
        return self._project

    @property
    def is_to_be_finished(self) -> bool:
        """Whether something could not be put back, and is left to the next command."""
        return not self._is_done

    @property
    def held_by_run(self) -> int:
        """The file descriptor that the run's processes inherit: see ``end_watch``."""
        assert self._watch is not None
        return self._watch.held

    @property
    def end_mark(self) -> Path:
        """A file that is as old as the run's end, if somebody saw that."""
        return self._log.end_mark

    @property
    def run_dir(self) -> Path:
        """The folder of the run."""
        return self.aside.parent

    @property
    def run_info(self) -> bytes | None:
        """The run's ``run.json`` as agentd wrote it last, whatever lies there; None: it never did.

        Without one no agent was started.
        """
        return self._own.as_agentd_left_it(self.run_dir / "run.json")

    @property
    def uncopied(self) -> str:
        """What can't be put back, as agentd has no copy of it, in words; "" where it has of all."""
        return some_of([self._project.shown(path) for path in self._own.uncopied()])

    def drop(self) -> None:
        """There is nothing to judge: no agent was started."""
        self._is_done = True

    def let_go(self) -> None:
        """Leave all to the next command."""
        if self._watch is not None:
            self._watch.leave()
        self._log.let_go()
        self._baseline.close()

    def after(self, ended: Ended | None = None) -> Findings:
        """What the run changed since; to be called right after it, or once it has ``ended``.

        git's own state is put back first, a person's lost files in the end; what stood there goes
        aside. Files as they were before go into the folder ``before`` beside that.
        Not judged are the streams of runs, what agentd itself wrote, in whatever process, and what
        may be the work of somebody who was at work on another change meanwhile, or came after the
        run. What lies around the project in its repository is judged like the
        project where the run may not change code, and told elsewhere. Raises OSError.
        """
        ended = ended or Ended.now()
        self._own.look()
        own = self._own.changes()
        whose = {path: ended.whose(path) for path in own}  # by times that putting back changes
        kept = self.run_dir / "before"
        in_the_way: list[Path] = []
        with contextlib.suppress(OSError):  # what can't be moved there is told then
            for folder in (self.aside, kept):
                in_the_way += self._own.clear_way(folder, self.aside)
        judged = self._files.judge(self.aside, ended, code=self._allowed.code)
        # After looking: whoever took up another change by then is seen by the time of its hold.
        at_work = self._others.at_work_until(Holds.on_others(self._project.root, self._change.name))
        code = [path for path in judged.code if not self._own.is_agentds_code(path)]
        code, around = (
            [path for path in paths if ended.whose(path) != "a person's"]
            for paths in (code, judged.around)
        )
        written = [path for path in own if self._allowed.names(path) and self._own.is_new(path)]
        told = judged.told
        forbidden = []
        for path, what in own.items():
            if self._is_allowed(path) or self._may_be_of_others(path, at_work):
                continue
            by = "the run's" if self._own.is_agentds_alone(path) else whose[path]
            if by != "a person's":
                in_doubt = by == "in doubt"
                forbidden.append(Forbidden(path, what, own=True, in_doubt=in_doubt, rule=OWN))
        if gone := [found.path for found in forbidden if not self._own.is_copied(found.path)]:
            names = some_of([self._project.shown(path) for path in sorted(gone)])
            told.append(Told(f"Not put back, as agentd kept no copy: {names}", OWN))
        forbidden += judged.forbidden
        moved = sorted({*in_the_way} - {*own} - self._were_in_the_way)
        self._were_in_the_way |= {*in_the_way}
        if moved:
            names = some_of([self._project.shown(path) for path in moved])
            where = self._project.shown(self.aside)
            told.append(Told(f"Was in agentd's way: {names}. It is in {where}/ now", OWN))
        if self._allowed.code and around:
            names = some_of([*map(str, around)])
            told.append(Told(f"Changed around the project: {names}", WRITE_ONLY))
        if not self._allowed.code and not at_work:
            forbidden += self._forbidden_code([*code, *around])
        # Another change's step may have made the files that it takes away.
        lost, self._is_done = self._files.bring_back(kept, in_doubt=bool(at_work))
        told += lost
        there = [path for path in (*own, *code) if os.path.lexists(path)]
        return Findings(
            written=tuple(sorted(written)),
            forbidden=tuple(sorted(forbidden, key=lambda entry: entry.path)),
            misplaced=tuple(sorted(_misplaced(there, written, self._allowed))),
            told=tuple(told),
            code=tuple(sorted(code)) if self._allowed.code else (),
        )

    def _forbidden_code(self, paths: Sequence[Path]) -> Iterator[Forbidden]:
        for number, path in enumerate(paths):
            diff = self._files.diff(path) if number < _DIFFS else ""
            yield Forbidden(path, _became(path), rule=WRITE_ONLY, diff=diff)

    def restore(self, findings: Findings) -> list[Path]:
        """Put agentd's own files back, with what agentd wrote since; ledgers first.

        What stands there is kept in the folder ``aside``; in doubt it stays, and what was before is
        kept there. A file that somebody changed since :meth:`after` is left
        (see :meth:`OwnFiles.put_back`), and so is what can't be written, as on a full disk: the
        next command tries again. Returns the paths that were put back.
        """
        restored = []
        own = [found for found in findings.forbidden if found.own]
        for found in sorted(own, key=lambda found: not self._own.is_ledger(found.path)):
            try:
                if found.in_doubt and os.path.lexists(found.path):
                    self._own.keep_as_before(found.path, self.aside)
                elif self._own.put_back(found.path, self.aside):
                    restored.append(found.path)
            except OSError:
                self._is_done = False
        with contextlib.suppress(OSError):
            self._own.clear(self.aside)
        return sorted(restored)

    def _set_up(
        self, change: Change, allowed: Allowed, aside: Path, log: WriteLog, baseline: Baseline
    ) -> None:
        self._project = change.project
        self._change = change.folder
        self._allowed = allowed
        self.aside = aside
        self._is_done = False
        self._were_in_the_way: set[Path] = set()
        self._watch = None
        self._log = log
        self._baseline = baseline

    def _keep(self, commits: Commits) -> None:
        # First of all: who takes up another change from now on is seen by the time of its hold.
        self._others = Holds.on_others(self._project.root, self._change.name)
        self._own = self._own_files()
        self._own.keep()
        self._files = self._project_files()
        self._files.keep(commits)
        root, allowed = self._project.root, self._allowed
        self._baseline.facts["guard"] = {
            "layout": self._project.layout,
            "change": os.path.relpath(self._change, root),
            "documents": [os.path.relpath(path, root) for path in allowed.documents],
            "code": allowed.code,
            "aside": os.path.relpath(self.aside, root),
            "stamps": self._others.stamps,
            "held": sorted(self._others.held),
            "root": _identity(root),
            "log": self._log.start,
        }

    def _take_over(self, root: Path, log: WriteLog) -> bool:
        """Whether another process's guard can be made again from what it left."""
        baseline = Baseline.open(log.baseline)
        facts = baseline.facts.get("guard") if baseline is not None else None
        if baseline is None or facts is None or facts["root"] != _identity(root):
            if baseline is not None:
                baseline.close()
            log.baseline.unlink(missing_ok=True)  # of no run, or of a project that was there before
            log.remove()
            return False
        project = Project(root, facts["layout"])
        folder = root / facts["change"]
        documents = tuple(root / name for name in facts["documents"])
        allowed = Allowed(documents=documents, code=facts["code"])
        change = Change(project, folder.name, folder)
        self._set_up(change, allowed, root / facts["aside"], log, baseline)
        log.start = facts["log"]
        stamps = {name: FileStamp(*stamp) for name, stamp in facts["stamps"].items()}
        self._others = Holds(stamps, frozenset(facts["held"]))
        self._own = self._own_files()
        self._own.read()
        self._files = self._project_files()
        return True

    def _own_files(self) -> OwnFiles:
        places = OwnPlaces(self._project, self.run_dir)
        return OwnFiles(places, self._allowed.documents, self._log, self._baseline)

    def _project_files(self) -> ProjectFiles:
        root = self._project.root
        return ProjectFiles(root, _below(root, self._own.places), self._baseline)

    def _close(self) -> None:
        if self._watch is not None:
            self._watch.stop()
        self._baseline.delete()
        self._log.remove()

    def _is_allowed(self, path: Path) -> bool:
        """Whether it is a document, and not put in a form that agentd must not write through."""
        now = self._own.seen.get(path)
        return self._allowed.names(path) and (now is None or now.kind in ("file", "dir"))

    def _may_be_of_others(self, path: Path, at_work: frozenset[str]) -> bool:
        """Whether it is of a change that was worked on meanwhile, or of all changes.

        A ledger is not, and no record of a run: agentd's own writes are known there.
        """
        if not at_work or self._own.is_ledger_in_place(path):
            return False
        if self._own.is_unnoted_record(path):
            return False
        theirs = [self._project.changes_dir / name for name in at_work]
        shared = (self._project.specs_dir, self._project.archive_dir)
        return any(path.is_relative_to(folder) for folder in (*theirs, *shared))


def _identity(root: Path) -> list[int]:
    """What tells a project's folder from a later one at its path."""
    found = root.stat()
    return [found.st_dev, found.st_ino]


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
