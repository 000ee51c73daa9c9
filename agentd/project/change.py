"""A change as an object: what lies in its folder is read once; and the changes of a project."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from agentd.clock import utc_now
from agentd.errors import InputError, StateError
from agentd.files import FileStamp, file_stamp, files_below
from agentd.late_pattern import late_pattern
from agentd.project.layout import CHANGE_ID, STATE_FILE, Project

if TYPE_CHECKING:
    from agentd.ledger.state import State
    from agentd.ledger.store import StateStore
    from agentd.project.workspace import Workspace

_ARCHIVED = late_pattern(r"(\d{8}|\d{4}-\d{2}-\d{2})-([a-z0-9][a-z0-9-]{0,63})")
_FOLDERS = ("specs", "merged")
DELETED = "delete"
"""The last action in the ledger of a change that was deleted."""


class Change:
    """A change of a project, and its folder.

    What is read of it is kept until the file is another one, agentd writes to the ledger, or
    :meth:`forget` is called, as after a run. ``archived_on`` is ``YYYYMMDD``, in OpenSpec's layout
    ``YYYY-MM-DD``; None while the change is worked on.
    """

    __slots__ = ("_state", "_texts", "_workspace", "archived_on", "folder", "id", "project")

    def __init__(
        self,
        project: Project,
        change_id: str,
        folder: Path,
        *,
        archived_on: str | None = None,
        workspace: Workspace | None = None,
    ) -> None:
        self.project = project
        self.id = change_id
        self.folder = folder
        self.archived_on = archived_on
        self._workspace = workspace
        self._state: tuple[FileStamp | None, State] | None = None
        self._texts: dict[str, tuple[FileStamp, str | None]] = {}

    def __repr__(self) -> str:
        return f"Change({self.id!r}, {str(self.folder)!r})"

    @property
    def workspace(self) -> Workspace:
        """The project with its config, read when it is first asked for. Raises ConfigError."""
        if self._workspace is None:
            from agentd.project.workspace import Workspace

            self._workspace = Workspace.of(self.project)
        return self._workspace

    @property
    def go_on(self) -> str:
        """The command that takes it further, wherever it stopped."""
        return f"agentd run {self.id}"

    @property
    def runs_dir(self) -> Path:
        """``runs/``: a folder for each run of a CLI."""
        return self.folder / "runs"

    @property
    def is_merging(self) -> bool:
        """Whether a merge into the main specs may be unfinished; loads nothing.

        False, too, where ``runs/`` is another user's: they alone can finish or undo it.
        """
        return os.path.exists(self.runs_dir / "merge")  # noqa: PTH110 - a Path raises if denied

    @property
    def is_taken_up(self) -> bool:
        """Whether agentd has a part in it; OpenSpec makes and archives changes without."""
        if file_stamp(self.folder / STATE_FILE) is not None:
            return True
        return bool(runs_without_ledger(self))

    @property
    def is_deleted(self) -> bool:
        """Whether it is what a deletion has left: a ledger in the archive, which counts on."""
        if self.archived_on is None:
            return False
        with contextlib.suppress(StateError):
            return self.state.last_action == DELETED
        return False

    @property
    def ledger(self) -> StateStore:
        """STATE.yaml to write to. Drops what was read: ask anew for each write."""
        from agentd.ledger.store import StateStore

        self._state = None
        return StateStore(self.folder)

    @property
    def state(self) -> State:
        """What STATE.yaml says. Raises StateError when it can't be read."""
        stamp = file_stamp(self.folder / STATE_FILE)
        if self._state is None or stamp is None or self._state[0] != stamp:
            from agentd.ledger.reading import read_state

            self._state = (stamp, read_state(self.folder))
        return self._state[1]

    def text(self, name: str) -> str | None:
        """A document's text; None when it is not there, or is what ``validate`` refuses to read."""
        path = self.folder / name
        stamp = file_stamp(path)
        if stamp is None:
            return None
        known = self._texts.get(name)
        if known is None or known[0] != stamp:
            from agentd.project.text_file import read_text

            refused, text = read_text(path)
            known = self._texts[name] = (stamp, None if refused else text)
        return known[1]

    def documents(self, name: str) -> list[Path]:
        """The files that a name of the step table stands for, those that are there."""
        path = self.folder / name
        if name in _FOLDERS:
            return [found for found in files_below(path, ".md") if found.is_file()]
        return [path] if path.is_file() else []

    def forget(self) -> None:
        """Drop what was read: a CLI, or a person, may have changed any of it."""
        self._state = None
        self._texts.clear()


def open_changes(project: Project, ending: str = "") -> list[Change]:
    """The changes that are worked on, by id; those whose folders' names have this ``ending``."""
    return [
        Change(project, folder.name, folder)
        for folder in _folders(project.changes_dir, ending)
        if CHANGE_ID.fullmatch(folder.name)
        and folder != project.archive_dir
        and not _is_left_by_git(project, folder)
    ]


def archived_changes(project: Project, ending: str = "") -> list[Change]:
    """The archived changes (``YYYYMMDD-ID``) with this ``ending``, oldest first, then by id."""
    return [
        Change(project, match[2], folder, archived_on=match[1])
        for folder in _folders(project.archive_dir, ending)
        if (match := _ARCHIVED.fullmatch(folder.name))
    ]


def all_changes(project: Project, ending: str = "") -> list[Change]:
    """The archived changes, then those that are worked on."""
    return [*archived_changes(project, ending), *open_changes(project, ending)]


def archived_as(project: Project, change_id: str) -> Change | None:
    """The change of this id that was archived last; its id may stand with its date before it.

    One that was deleted only where there is no other.
    """
    every = archived_changes(project, change_id)
    named = [change for change in every if change.id == change_id]
    named = named or [change for change in every if change.folder.name == change_id]
    kept = [change for change in named if not change.is_deleted] if named[1:] else named
    return (kept or named)[-1] if named else None


def archive_dir(change: Change) -> Path:
    """Where the change goes when it is archived or deleted now.

    A change of its id that was deleted today makes way: its folder gets ``-2`` behind its name.
    Raises InputError when another one lies there.
    """
    project = change.project
    now = utc_now()
    target = project.archived_dir(change.id, now)
    if not target.exists():
        return target
    there = Change(project, change.id, target, archived_on=f"{now:%Y%m%d}")
    if not there.is_deleted:
        raise InputError(
            f"{project.shown(target)} exists already",
            fix=f"Rename that folder, such as to {target.name[:71]}-2 (without a date its calls "
            "would not count), then run the command again.",
        )
    number, date = 2, target.name.removesuffix(change.id)
    while True:
        ending = f"-{number}"
        free = change.id[: 64 - len(ending)] + ending
        if not any(
            one.exists() for one in (target.with_name(date + free), project.changes_dir / free)
        ):
            target.rename(target.with_name(date + free))
            return target
        number += 1


def others_of(change: Change) -> list[Change]:
    """The changes in other folders of its id, whatever their ledgers say; the open one last."""
    return [
        other
        for other in all_changes(change.project, change.id)
        if other.id == change.id and other.folder != change.folder
    ]


def copies_of(change: Change) -> list[Change]:
    """The same change in other folders, where merges have left its ledger; the open one last.

    One that was deleted shares calls with it: a new one may have been made in the same second.
    """
    found = []
    for other in others_of(change):
        with contextlib.suppress(StateError):
            here, there = change.state, other.state
            made = here.created_at is not None and here.created_at == there.created_at
            made = made and not (change.is_deleted or other.is_deleted)
            if made or here.ids & there.ids:
                found.append(other)
    return found


def runs_without_ledger(change: Change) -> list[Path]:
    """The folders of runs of a change that has no STATE.yaml, as after a deletion.

    None that is entered in another folder of the change: git leaves them where they were.
    """
    from agentd.ledger.run_folders import run_dirs, unentered

    if not (runs := run_dirs(change.runs_dir)):
        return []
    ids: set[str] = set()
    for other in others_of(change):
        with contextlib.suppress(StateError):
            ids |= other.state.ids
    waiting = unentered(change.runs_dir)
    return [path for path in runs if path.name not in ids or path in waiting]


def unreadable_copies(change: Change) -> Iterator[StateError]:
    """Why ledgers in other folders of its id, which may have calls of it, can't be read."""
    for other in others_of(change):
        try:
            _ = other.is_taken_up and other.state
        except StateError as error:
            yield error


def moves_to(change: Change) -> Change | None:
    """The folder of the same change that is to have this one's calls: the one archived last.

    What a deletion has left goes to the folder that still has documents, and not the other way.
    """
    copies = copies_of(change)
    if change.is_deleted:
        if alive := [other for other in copies if _has_documents(other) and not other.is_deleted]:
            return alive[-1]
    elif _has_documents(change):
        copies = [other for other in copies if not other.is_deleted]
    later = [
        other
        for other in copies
        if other.archived_on and (not change.archived_on or other.folder > change.folder)
    ]
    return later[-1] if later else None


def _has_documents(change: Change) -> bool:
    return not {STATE_FILE, "runs"}.issuperset(os.listdir(change.folder))  # noqa: PTH208


def find_change(project: Project, change_id: str) -> Change:
    """The change with this id: the one worked on, else the one archived last.

    Raises InputError for a bad id and when there is none.
    """
    folder = project.change_dir(change_id)
    if folder.is_dir() and not _is_left_by_git(project, folder):
        return Change(project, change_id, folder)
    if (archived := archived_as(project, change_id)) is not None:
        return archived
    raise InputError(
        f"there is no change {change_id} in {project.shown(project.changes_dir)}",
        fix=_nearest(project, change_id),
    )


def asked_change(project: Project, change_id: str | None) -> Change:
    """The change with this id, as :func:`find_change` has it; without one the latest.

    Raises InputError when there is none.
    """
    if change_id:
        return find_change(project, change_id)
    change = latest_change(project)
    if change is None:
        raise InputError(
            "there is no change yet", fix='Start one: agentd run add-something "What to change"'
        )
    return change


def latest_change(project: Project) -> Change | None:
    """The open change worked on last: the one whose STATE.yaml is newest; else the archived one.

    Changes without a STATE.yaml come last; a tie goes to the name that sorts last.
    """
    changes = open_changes(project) or all_changes(project)
    return max(changes, key=_latest_last, default=None)


def find_open_change(workspace: Workspace, change_id: str) -> Change:
    """The change with this id that is worked on. Raises InputError when there is none."""
    change = find_change(workspace.project, change_id)
    if change.archived_on:
        raise InputError(
            f"change {change_id} is archived since {change.archived_on}",
            fix='Start a new one: agentd run ID "DESCRIPTION"',
        )
    return Change(change.project, change_id, change.folder, workspace=workspace)


def _is_left_by_git(project: Project, folder: Path) -> bool:
    """Whether nothing is here but runs, all entered, of a change that came in archived.

    A merge that moves a change to the archive leaves what git ignores.
    """
    try:
        if os.listdir(folder) != ["runs"]:  # noqa: PTH208
            return False
    except (FileNotFoundError, PermissionError):  # gone meanwhile, or another user's
        return False
    from agentd.ledger.run_folders import unentered

    archived = archived_as(project, folder.name)
    return (
        archived is not None
        and file_stamp(archived.folder / STATE_FILE) is not None
        and not unentered(folder / "runs")
    )


def _nearest(project: Project, change_id: str) -> str:
    import difflib

    ids = [change.id for change in (*open_changes(project), *archived_changes(project))]
    near = difflib.get_close_matches(change_id, ids, n=1)
    if near:
        return f"Did you mean {near[0]}? `agentd list` shows all."
    return f'Start it with `agentd run {change_id} "DESCRIPTION"`; `agentd list` shows all.'


def _folders(parent: Path, ending: str) -> list[Path]:
    if parent.is_symlink() or not parent.is_dir():
        return []
    with os.scandir(parent) as entries:
        ended = (entry for entry in entries if entry.name.endswith(ending))
        names = [entry.name for entry in ended if entry.is_dir(follow_symlinks=False)]
    return [parent / name for name in sorted(names)]


def _latest_last(change: Change) -> tuple[int, bool, str]:
    stamp = file_stamp(change.folder / STATE_FILE)
    return stamp.modified_ns if stamp else 0, not change.archived_on, change.id
