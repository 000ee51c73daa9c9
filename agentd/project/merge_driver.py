"""How git merges what agentd writes: .gitattributes, and a driver for ledgers in its config."""

from __future__ import annotations

import os
from pathlib import Path

from agentd import min_version
from agentd.errors import InputError
from agentd.files import read_plain, write_atomic
from agentd.git import GitFailed, output, run
from agentd.project.layout import CHANGELOG, STATE_FILE, Project, find_project

_ATTRIBUTE = "agentd"
_OURS = "agentd merge-driver "
NAME = f"merge.{_ATTRIBUTE}.name"
DRIVER = f"merge.{_ATTRIBUTE}.driver"
TITLE = "agentd: calls by id, the rest as text"
# agentd ends with 0 or 1. One that is missing, older or killed leaves the merge to git itself;
# without that git would take our version whole, and nobody would see a conflict.
COMMAND = (
    "agentd merge-driver --marker-size %L %O %A %B %P; s=$?; "
    "if [ $s -gt 1 ]; then git merge-file --marker-size=%L -L ours -L base -L theirs %A %O %B; "
    "s=$?; fi; exit $s"
)


def attributes_of(project: Project) -> tuple[Path, tuple[str, ...]]:
    """The .gitattributes beside the project's changes, and its lines: the driver's, and one more.

    Each change puts its entry at the top of the changelog, where two branches would conflict.
    """
    home = project.changes_dir.parent
    places = [each.relative_to(home) for each in (project.changes_dir, project.archive_dir)]
    lines = [f"{place}/*/{STATE_FILE} merge={_ATTRIBUTE}" for place in places]
    lines.append(f"{project.specs_dir.relative_to(home)}/{CHANGELOG} merge=union")
    return home / ".gitattributes", tuple(lines)


def add_lines(project: Project) -> bool:
    """Put the lines into .gitattributes; False when they are there. Raises OSError."""
    path, lines = attributes_of(project)
    text = read_plain(path).decode(errors="surrogateescape") if path.is_file() else ""
    new = [line for line in lines if line not in text.splitlines()]
    if not new:
        return False
    end = "" if not text or text.endswith("\n") else "\n"
    added = "".join(f"{line}\n" for line in new)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, f"{text}{end}{added}".encode(errors="surrogateescape"))
    return True


def is_named(project: Project) -> bool:
    """Whether git takes the driver for a ledger of this project, by whatever .gitattributes."""
    ledger = project.changes_dir.relative_to(project.root) / "x" / STATE_FILE
    try:
        shown = run(project.root, "check-attr", "merge", "--", str(ledger)).stdout
    except GitFailed:
        return False
    return shown.rstrip().endswith(f": {_ATTRIBUTE}".encode())


def registered(root: Path, *where: str) -> str | None:
    """The driver in the repository's config, "" for none; None outside of a repository."""
    try:
        if run(root, "rev-parse", "--git-dir").returncode:
            return None
        shown = run(root, "config", *where, "--get", DRIVER).stdout
    except GitFailed:
        return None
    return shown.decode(errors="replace").strip()


def register(root: Path) -> bool:
    """Put the driver into the repository's config; False where that is not needed, or possible.

    A command of the user's own stays. Raises InputError when git refuses.
    """
    found = registered(root)
    if found in (None, COMMAND) or (found and not found.startswith(_OURS)):
        return False
    _configure(root, "--local", NAME, TITLE)
    _configure(root, "--local", DRIVER, COMMAND)
    return True


def is_ours_alone(project: Project) -> bool:
    """Whether the config has the driver, as agentd put it there, and no other project needs it."""
    if not (registered(project.root, "--local") or "").startswith(_OURS):
        return False
    try:
        pattern = (f"merge={_ATTRIBUTE}$", "--", ":(top,glob)**/.gitattributes")
        shown = run(project.root, "grep", "-l", "-z", "--untracked", "-e", *pattern).stdout
    except GitFailed:
        return False
    mine = attributes_of(project)[0]
    files = [project.root / os.fsdecode(name) for name in shown.split(b"\0") if name]
    return all(os.path.realpath(file) == os.path.realpath(mine) for file in files)


def unregister(root: Path) -> None:
    """Take the driver out of the repository's config. Raises InputError when git refuses."""
    _configure(root, "--local", "--remove-section", f"merge.{_ATTRIBUTE}")


def _configure(root: Path, *arguments: str) -> None:
    try:
        output(root, "config", *arguments)
    except GitFailed as error:
        raise InputError(
            f"git can't change the repository's config: {error}",
            fix="Remove .git/config.lock if no git is at work, then run it again.",
        ) from error


def told_too_old(path: Path) -> str | None:
    """Why this agentd may not write below a project; None when it may."""
    try:
        project = find_project(next(folder for folder in path.parents if folder.is_dir()))
        text = read_plain(project.config_path).decode(errors="replace")
    except (InputError, OSError):
        return None
    return min_version.complaint(min_version.glance(text))
