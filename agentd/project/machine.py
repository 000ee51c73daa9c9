"""The projects of this machine: where agentd has worked, and where people worked in a CLI."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from agentd.state_folder import known_roots


class Projects(NamedTuple):
    """Their roots, and the paths of those that agentd has worked in and that are gone.

    Of a repository's folders its own comes first, then its worktrees.
    """

    roots: tuple[Path, ...]
    gone: tuple[str, ...]

    def around(self, folder: str) -> Path | None:
        """The innermost project that a folder lies in."""
        inside = Path(os.path.normpath(folder))
        return next((one for one in (inside, *inside.parents) if one in self.roots), None)


def find_projects(folders: Iterable[str]) -> Projects:
    """Those that these folders lie in, and those that have a state folder."""
    told = known_roots()
    found = {root for folder in {*folders, *told} if (root := _root_around(folder))}
    roots = sorted(found, key=lambda root: (_is_worktree(root), root))
    return Projects(tuple(roots), tuple(sorted(one for one in told if not _is_project(Path(one)))))


def _root_around(folder: str) -> Path | None:
    if not folder.startswith("/"):
        return None
    inside = Path(os.path.realpath(folder))
    return next(filter(_is_project, (inside, *inside.parents)), None)


def _is_project(root: Path) -> bool:
    try:
        return (root / "agentd" / "config.toml").is_file()
    except OSError:  # of another user
        return False


def _is_worktree(root: Path) -> bool:
    """Whether the ledgers there may be copies of those in another folder of the repository."""
    at = next((one for one in (root, *root.parents) if os.path.lexists(one / ".git")), None)
    return at is not None and (at / ".git").is_file()
