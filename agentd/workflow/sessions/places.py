"""Where people's own sessions of a project, and their logs, lie; loads nothing that reads them."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from agentd.providers import PROVIDERS


def has_logs(root: Path) -> bool:
    """Whether there is a log that may be of a session in the project, or in a worktree of it."""
    roots = roots_of(root)
    rows = (row.session_logs for row in PROVIDERS.values() if row.session_logs)
    return any(True for row in rows for _ in row.find(os.environ, roots))


def log_folders(roots: Sequence[Path]) -> list[str]:
    """The folders, there or not, one of which changes before there is another log."""
    rows = (row.session_logs for row in PROVIDERS.values() if row.session_logs)
    return [folder for row in rows for folder in row.folders(os.environ, roots)]


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


def inside(roots: Sequence[Path]) -> Callable[[str], bool]:
    """Whether a folder lies in one of these, and in no project inside it."""

    @cache
    def is_inside(cwd: str) -> bool:
        folder = Path(os.path.normpath(cwd))
        for here in (folder, *folder.parents):
            if here in roots:
                return True
            if (here / "agentd" / "config.toml").is_file():
                return False
        return False

    return is_inside
