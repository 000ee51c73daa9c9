"""The changes of a project: those that are worked on, the archive, and the one that is meant."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from agentd.clock import utc_now
from agentd.errors import InputError
from agentd.files import file_stamp
from agentd.late_pattern import late_pattern
from agentd.project.change import Change
from agentd.project.layout import CHANGE_ID, STATE_FILE, Project
from agentd.text import some_of

if TYPE_CHECKING:
    from agentd.project.workspace import Workspace

_ARCHIVED = late_pattern(r"(\d{8}|\d{4}-\d{2}-\d{2})-([a-z0-9][a-z0-9-]{0,63})")


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
    there = f"{told}; " if (told := told_open(project)) else ""
    return f'Start it with `agentd run {change_id} "DESCRIPTION"`; {there}`agentd list` shows all.'


def told_open(project: Project) -> str:
    """``open are a, b``: the changes that are worked on; "" for none."""
    ids = [change.id for change in open_changes(project)]
    return f"{'open are' if ids[1:] else 'open is'} {some_of(ids)}" if ids else ""


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
