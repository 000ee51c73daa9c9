"""``agentd init --remove``: what ``init`` put into a repository is taken away again."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable
from pathlib import Path

from agentd.config.load import require_version
from agentd.errors import InputError, StateError
from agentd.files import write_atomic
from agentd.frozen import frozen
from agentd.project.agent_commands import written_commands
from agentd.project.change import Change
from agentd.project.changes import open_changes
from agentd.project.hold import worker_on
from agentd.project.init import IGNORED, is_as_written, project_text
from agentd.project.layout import Project, find_layout
from agentd.project.merge_driver import attributes_of, is_ours_alone, unregister
from agentd.runner import recovery

_CHANGED = "changed since `agentd init` wrote it"
_WHY = {
    "changes": "changes and what they cost stay",
    "archive": "archived changes and what they cost stay",
    "specs": "specs stay",
}
_LOGGED = ("changes", "archive")
_OURS = ("specs", "changes", "archive", ".running", ".")  # folders that agentd itself makes


@frozen()
class Left:
    """Something in ``agentd/`` that stays, and why."""

    path: Path
    why: str


@frozen()
class Removed:
    """What is taken away, its ``folders`` too, and what stays in ``agentd/``.

    ``unregistered``: the merge driver is taken out of the repository's git config.
    """

    root: Path
    removed: tuple[Path, ...]
    folders: tuple[Path, ...]
    left: tuple[Left, ...]
    unregistered: bool = False

    def shown(self, path: Path) -> str:
        """A path of it as the user sees it, a folder with a slash."""
        return f"{path.relative_to(self.root)}{'/' * (path in self.folders)}"


def remove(root: Path, *, dry_run: bool = False) -> Removed:
    """Take away what ``init`` wrote below ``root``/agentd and nobody has changed since.

    Changes, the archive, specs and all else that a person or a step wrote stays; of folders only
    empty ones go. ``dry_run``: nothing is done. Raises InputError where there is no project, or an
    agentd is at work in it, or a CLI whose agentd is gone; ConfigError where this agentd is older
    than the ``min_version``.
    """
    project = Project(root.absolute(), find_layout(root.absolute()))
    home = project.agentd_dir
    if home.is_symlink():
        raise InputError(
            f"{home}: is a symbolic link; agentd removes only inside the project",
            fix="Remove what it points at by hand.",
        )
    config = home / "config.toml"
    # What is left of a removal that was killed is the empty folder.
    if not config.is_file() and (not home.is_dir() or any(home.iterdir())):
        raise InputError(
            f"{project.root} has no agentd/config.toml, so there is nothing to remove",
            fix="Name the project's folder: agentd -C DIR init --remove",
        )
    require_version(config)
    commands = written_commands(project.root)
    for change in open_changes(project):
        _check_nobody_works(change)
    reasons: dict[Path, str] = {}
    places = dict.fromkeys([*_written(project), *_attributes(project)])
    gone = [path for path in places if _is_ours(path, home, reasons)]
    shared: dict[Path, str] = {}  # what stays of files that have other lines too
    attributes, lines = attributes_of(project)
    for path, ours in ((home / ".gitignore", IGNORED), (attributes, lines)):
        if path in gone and (others := _other_lines(path, ours)):
            reasons[path] = "it has other lines too; only agentd's are taken out"
            shared[path] = "".join(others)
            gone.remove(path)
    folders = _emptied((home / name for name in _OURS), gone)
    around = {
        each for path in commands.written for each in path.parents if project.root in each.parents
    }
    outside = _emptied(sorted(around, key=lambda each: -len(each.parts)), commands.written)
    unregistered = is_ours_alone(project)
    if not dry_run:
        for path, text in shared.items():
            write_atomic(path, text.encode(errors="surrogateescape"))
        if unregistered:
            unregister(project.root)
        for path in commands.written:
            path.unlink()
        for folder in outside:
            folder.rmdir()
        # The config is the last of its folder: until then the command can be run again.
        inner = [folder for folder in folders if folder != home]
        for path in sorted([*gone, *inner], key=lambda path: (path == config, path in inner)):
            path.rmdir() if path in inner else path.unlink()
        if home in folders:
            home.rmdir()
    left = [] if home in folders else sorted(set(home.iterdir()) - {*gone, *folders})
    return Removed(
        root=project.root,
        removed=(*gone, *folders, *commands.written, *outside),
        folders=(*folders, *outside),
        left=(
            *(Left(path, reasons.get(path) or _why(path)) for path in left),
            *(Left(path, _CHANGED) for path in commands.edited),
        ),
        unregistered=unregistered,
    )


def _check_nobody_works(change: Change) -> None:
    if (worker := worker_on(change)) is not None:
        raise InputError(
            f"an agentd is at work on {change.id}" + (f": {worker.told()}" if worker.pid else ""),
            fix="Wait for it to end, or stop it.",
        )
    for folder in recovery.unfinished(change.runs_dir):
        with contextlib.suppress(StateError):  # of a damaged run nobody can tell
            if pids := recovery.living(folder):
                raise InputError(
                    f"{folder.info().provider} still works in {change.project.shown(folder.path)} "
                    f"(process {', '.join(map(str, pids))}), although its agentd is gone",
                    fix="Run the change's next step, which follows it to its end, or stop it.",
                )


def _written(project: Project) -> list[Path]:
    """The files that ``init``, or an edit of the config, leaves; those that are there."""
    home = project.agentd_dir
    names = ("config.toml", "project.md", ".gitignore", ".config.toml.lock")
    paths = [home / name for name in names]
    for specs in dict.fromkeys((home / "specs", project.specs_dir)):
        if _is_folder(specs) and _is_folder(specs.parent):
            paths.append(specs / ".gitkeep")
    if _is_folder(home / ".running"):
        paths += sorted((home / ".running").iterdir())
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def _attributes(project: Project) -> list[Path]:
    """The .gitattributes that names the merge driver; in OpenSpec's layout below its folder."""
    path, lines = attributes_of(project)
    if not path.is_file() or path.is_symlink():
        return []
    found = path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    return [path] if set(lines) & set(found) else []


def _is_ours(path: Path, home: Path, reasons: dict[Path, str]) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    match path.name:
        case "config.toml":
            is_ours = is_as_written(text)
        case "project.md":
            is_ours = text == project_text(text.partition("\n")[0].removeprefix("# "))
        case ".gitignore":
            if any((home / name).is_dir() and any((home / name).iterdir()) for name in _LOGGED):
                reasons[path] = "it keeps the logs of the changes out of git"
                return False
            is_ours = set(IGNORED) <= set(text.splitlines())
        case ".gitkeep":
            is_ours = not text
        case _:
            return True
    if not is_ours:
        reasons[path] = _CHANGED
    return is_ours


def _other_lines(path: Path, ours: Collection[str]) -> list[str]:
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    return [line for line in text.splitlines(keepends=True) if line.strip() not in ours]


def _emptied(folders: Iterable[Path], gone: Iterable[Path]) -> list[Path]:
    """Those of ``folders``, given inner ones first, in which nothing but ``gone`` is left."""
    removed, found = {*gone}, []
    for folder in folders:
        if _is_folder(folder) and not {*folder.iterdir()} - removed:
            found.append(folder)
            removed.add(folder)
    return found


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _why(path: Path) -> str:
    return _WHY.get(path.name, "`agentd init` did not write it")
