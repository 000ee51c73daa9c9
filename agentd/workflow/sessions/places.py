"""Where people's own sessions of a project, and their logs, lie; loads nothing that reads them."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from agentd.files import read_plain
from agentd.late_pattern import late_pattern
from agentd.providers import PROVIDERS
from agentd.providers.provider import SessionLogs
from agentd.workflow.sessions.not_imported import Watched, stamp_of

_SET_ENV = late_pattern(rb"^[^#\n]*set_env", re.MULTILINE)  # the template has it in a comment
Place = tuple[str, SessionLogs, Mapping[str, str]]
"""A CLI, its session logs, and the variables that tell where these lie."""


def log_places(root: Path | None = None) -> list[Place]:
    """Where logs are looked for: as this process has it, and as ``set_env`` of a project moves it.

    The config is read where it has a ``set_env``. Raises ConfigError.
    """
    found: list[Place] = [
        (name, row.session_logs, os.environ) for name, row in PROVIDERS.items() if row.session_logs
    ]
    path = root and root / "agentd" / "config.toml"
    with contextlib.suppress(OSError):
        if path and _SET_ENV.search(read_plain(path)):
            from agentd.config.load import load

            config = load(path)
            for name, settings in config.providers.items():
                row = config.row(name)
                if row.session_logs and settings.set_env:
                    found.append((row.row_name, row.session_logs, settings.reaching(os.environ)))
    return found


def has_logs(root: Path) -> bool:
    """Whether there is a log that may be of a session in the project, or in a worktree of it.

    Raises ConfigError.
    """
    roots = roots_of(root)
    return any(True for _, logs, environ in log_places(root) for _ in logs.find(environ, roots))


def watched_places(root: Path, roots: Sequence[Path]) -> Watched:
    """What is there or not, and changes before there is another log, or another worktree.

    Raises ConfigError.
    """
    places = log_places(root)
    folders = [folder for _, logs, environ in places for folder in logs.folders(environ, roots)]
    config = f"{root}/agentd/config.toml"
    return {path: stamp_of(path) for path in (*folders, config, *_of_worktrees(root.resolve()))}


def _of_worktrees(root: Path) -> list[str]:
    """Where git keeps which worktrees the project's repository has, and where they lie."""
    for here in (root, *root.parents):
        home = f"{here}/.git"
        if os.path.isfile(home):  # noqa: PTH113
            told = Path(home).read_bytes().removeprefix(b"gitdir:").strip()
            home = os.path.normpath(os.path.join(here, os.fsdecode(told)))  # noqa: PTH118
            if os.path.basename(os.path.dirname(home)) == "worktrees":  # noqa: PTH119, PTH120
                home = str(Path(home).parents[1])
        elif not os.path.lexists(f"{home}/HEAD"):
            continue
        return [f"{home}/worktrees", *map(str, Path(home).glob("worktrees/*/gitdir"))]
    return []


def roots_of(root: Path) -> list[Path]:
    """The project's folder in each of its repository's worktrees, itself first."""
    found = [root, root.resolve()]
    if _is_sole_worktree(root.resolve()):
        return list(dict.fromkeys(found))
    from agentd import git

    with contextlib.suppress(git.GitFailed):
        top = Path(os.fsdecode(git.output(root, "rev-parse", "--show-toplevel").rstrip(b"\n")))
        below = root.resolve().relative_to(top.resolve())
        listed = git.output(root, "worktree", "list", "--porcelain", "-z").split(b"\0")
        trees = [line[9:] for line in listed if line.startswith(b"worktree ")]
        found += [Path(os.fsdecode(tree)) / below for tree in trees]
    return list(dict.fromkeys(found))


def _is_sole_worktree(root: Path) -> bool:
    """Whether no other worktree can have this folder, by what lies there; git takes 10 ms."""
    for here in (root, *root.parents):
        dot_git = f"{here}/.git"
        if os.path.isfile(dot_git) or os.path.lexists(f"{dot_git}/worktrees"):  # noqa: PTH113
            return False
        if os.path.lexists(f"{dot_git}/HEAD"):
            return True
    return True


def inside(roots: Sequence[Path], watched: Watched | None = None) -> Callable[[str], bool]:
    """Whether a folder lies in one of these, and in no project inside it.

    ``watched`` gets the files, there or not, that would make a project of it, or do.
    """
    asked = {} if watched is None else watched

    @cache
    def is_inside(cwd: str) -> bool:
        folder = Path(os.path.normpath(cwd))
        above = [folder, *folder.parents]
        at = next((at for at, here in enumerate(above) if here in roots), None)
        for here in above[:at] if at is not None else ():
            config = here / "agentd" / "config.toml"
            asked[str(config)] = stamp_of(config)
            if config.is_file():
                return False
        return at is not None

    return is_inside
