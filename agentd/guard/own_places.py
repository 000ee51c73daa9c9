"""Which files of a project are agentd's own, and how much of each is kept and judged."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from agentd.files import TEMPORARY
from agentd.guard.tree import Look, look_at
from agentd.ledger.run_folders import ENTERED, FINDINGS, LEDGER_LOCK, PENDING, UNJUDGED
from agentd.project.layout import STATE_FILE, Project
from agentd.runner.run_folder import CHECKS_AFTER, CHECKS_BEFORE, FEEDBACK, TO_BE_PUT_BACK

_NAMES = (
    ".config.toml.lock",
    "config.toml",
    "config.yaml",
    "project.md",
    ".gitignore",
    ".gitattributes",
    "templates",
)
_OF_EDITORS = (".swp", ".swo", "~", ".DS_Store")
_LOCKS = (".config.toml.lock",)
# In runs/: of the ledger, and of who is at work. In a run's folder: of who attends to the run, and
# the disk space for its call.
_LOCKS_OF_RUNS, _LOCKS_OF_RUN = (LEDGER_LOCK, ".work", ".gitignore"), ("lock", "reserve")
_STREAMS = ("stdout", "stderr", "requests.jsonl", "meter.log", "processes", "pointed.json")
# Of the watched run, what agentd itself believes later; the rest is its agent's.
_RECORDS = (
    *(PENDING, ENTERED, UNJUDGED, "run.json", "description", "done"),
    *(FINDINGS, "tasks-before-the-run.md", CHECKS_BEFORE, CHECKS_AFTER, FEEDBACK),
)
# Judges' earlier documents, which the next command moves back into the change.
_WAITING = tuple(
    f"{name}{TO_BE_PUT_BACK}" for name in ("CHALLENGE.md", "REVIEW.md", "ARCHIVE_REVIEW.md")
)
_OF_A_RUN = (*_RECORDS, *_LOCKS_OF_RUN, *_STREAMS, *_WAITING, "prompt", "journal.json")
_SET_ASIDE = (TO_BE_PUT_BACK, ".replaced")
_RUN_FILE_BYTES = 64 * 1024  # of larger ones, such as what an agent printed, only the look is kept
_FILE_BYTES = 16 * 1024 * 1024  # of a larger document no command reads a line


class OwnPlaces:
    """agentd's places in a project, as one run sees them, whose folder is ``run_dir``."""

    def __init__(self, project: Project, run_dir: Path | None) -> None:
        self.project = project
        self._run_dir = run_dir
        self._homes = (project.archive_dir, project.changes_dir)  # the one may lie in the other
        # As text: a Path takes ten times as long, and each file is asked for often.
        self._begins = tuple(f"{home}/" for home in self._homes)
        self._run_dirs: dict[str, Path] = {}

    def all(self) -> Iterator[Path]:
        """The files and folders to watch; what is worth most comes first."""
        for folder in sorted({self.project.agentd_dir, self.project.changes_dir.parent}):
            yield from (folder / name for name in _NAMES)
        yield from (self.project.specs_dir, self.project.changes_dir, self.project.archive_dir)

    def kept(self, path: Path) -> float | None:
        """Up to which size the bytes of a file are kept; None for what is not judged."""
        if path.name.endswith(_OF_EDITORS):
            return None
        run_dir, name = self._in_runs(path)
        if name is None:
            if self.is_ledger(path):
                return math.inf
            return -1 if path.name in _LOCKS or self.is_temporary(path) else _FILE_BYTES
        if run_dir is not None and run_dir == self._run_dir and name:
            is_record = "/" not in name and (self.is_record(path) or name.endswith(_SET_ASIDE))
            return math.inf if is_record else None
        return _RUN_FILE_BYTES

    def is_kept_whole(self, path: Path) -> bool:
        """Whether its bytes are kept whatever its size, as far as that is usual."""
        up_to = self.kept(path)
        return up_to is not None and up_to >= _FILE_BYTES

    def run_of(self, path: Path) -> Path | None:
        """The folder of the earlier run that a path is, or lies in."""
        run_dir, _ = self._in_runs(path)
        return None if run_dir == self._run_dir else run_dir

    def is_vital(self, path: Path) -> bool:
        """Whether it is a file of an earlier run that agentd reads later, or may write."""
        run_dir, name = self._in_runs(path)
        return run_dir is not None and name is not None and name in _OF_A_RUN

    def passes(self, path: Path, now: Look | None, before: Mapping[Path, Look]) -> bool:
        """Whether agentd itself changes this without a note, as long as it is a plain file."""
        if now is not None and now.kind not in ("file", "dir"):
            return False
        run_dir, name = self._in_runs(path)
        if name is None:
            return path.name in _LOCKS or self.is_temporary(path)
        if run_dir is None:
            return name in _LOCKS_OF_RUNS or self.is_temporary(path)
        if name in _LOCKS_OF_RUN:
            return now is None or now.kind == "file"
        if self.is_temporary(path):
            return True
        # A run that is not recorded may go on without an agentd.
        return (
            name in _STREAMS
            and run_dir in before
            and not (run_dir / PENDING in before or run_dir / ENTERED in before)
        )

    def is_ledger(self, path: Path) -> bool:
        """Whether it is the STATE.yaml of a change."""
        return path.name == STATE_FILE and path.parent.parent in self._homes

    def is_agentds_alone(self, path: Path) -> bool:
        """Whether no person writes there: ledgers, and what lies in ``runs/``."""
        return self.is_ledger(path) or self._in_runs(path)[1] is not None

    def is_noted_record(self, path: Path) -> bool:
        """Whether it is in ``runs/`` of a change that is worked on, and agentd notes that write.

        With a change that is archived such files move without a note.
        """
        names = (PENDING, ENTERED, UNJUDGED, "run.json", "journal.json")
        in_runs = self._in_runs(path)[1] is not None
        return path.name in names and in_runs and not path.is_relative_to(self.project.archive_dir)

    def is_record(self, path: Path) -> bool:
        """Whether agentd has a file there, of a run or of a merge, and nobody a folder."""
        name = self._in_runs(path)[1]
        return name is not None and path.name in (*_RECORDS, *_LOCKS_OF_RUN, "journal.json")

    def is_temporary(self, path: Path) -> bool:
        """Whether it is called like a file that agentd is writing."""
        return TEMPORARY.fullmatch(path.name) is not None

    def is_being_written(self, path: Path) -> bool:
        """Whether it is a plain file that is called so, or was until now."""
        return self.is_temporary(path) and self.passes(path, look_at(path, hash_up_to=-1), {})

    def _in_runs(self, path: Path) -> tuple[Path | None, str | None]:
        """The run's folder that a path lies in, if any, and its name in there, or in ``runs/``.

        The name is None for what is not in ``runs/``, "" for ``runs/`` and a run's folder.
        """
        text = str(path)
        if not text.startswith(self._begins):
            return None, None
        begin = next(filter(text.startswith, self._begins))
        change, _, name = text[len(begin) :].partition("/")
        runs, in_runs, name = name.partition("/")
        if runs != "runs":
            return None, None
        run, _, inside = name.partition("/")
        if not in_runs or run in _LOCKS_OF_RUNS or TEMPORARY.fullmatch(run):
            return None, name
        folder = f"{begin}{change}/runs/{run}"
        run_dir = self._run_dirs.get(folder)
        if run_dir is None:
            run_dir = self._run_dirs[folder] = Path(folder)
        return run_dir, inside
