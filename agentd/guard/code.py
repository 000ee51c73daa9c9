"""The project's own files, and git's, before and after a run: with git where it sees them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from agentd.git import GitFailed
from agentd.guard import repository
from agentd.guard.repository import Repository
from agentd.guard.tree import Look, look_around


class Code:
    """The files below ``root`` as they are when this is made, but for those that ``skip`` names."""

    def __init__(self, root: Path, skip: Callable[[str], bool]) -> None:
        self._root = root
        self._skip = skip
        self._repository: Repository | None = None
        self._tree: dict[str, Look] = {}
        try:
            self._repository = repository.read(root, skip)
        except GitFailed:
            self._tree = look_around(root, skip)

    def changed(self) -> tuple[list[Path], list[tuple[Path, str]]]:
        """The files that changed since, and what became of git's own state, path by path.

        Where git's settings changed, the files are not looked at: git might run what they name.
        """
        before = self._repository
        if before is None:
            now = look_around(self._root, self._skip)
            return self._paths(_differing(self._tree, now)), []
        try:
            at = repository.place_of(self._root)
            own = repository.own_files(at)
            if own != before.own:
                paths = sorted(path for path in before.own.keys() | own.keys())
                return [], [
                    (path, _what(path)) for path in paths if before.own.get(path) != own.get(path)
                ]
            later = repository.read(self._root, self._skip, at)
        except GitFailed:
            return [], [(before.git_dir, "git can't read it any more")]
        return self._paths(before.changed_files(later)), list(_moves(before, later))

    def _paths(self, relative: Iterator[str]) -> list[Path]:
        return sorted(self._root / path for path in relative)


def _differing(before: dict[str, Look], now: dict[str, Look]) -> Iterator[str]:
    for path in before.keys() | now.keys():
        old, new = before.get(path), now.get(path)
        if old is None or new is None or not old.same_as(new):
            yield path


def _moves(before: Repository, later: Repository) -> Iterator[tuple[Path, str]]:
    if before.branch != later.branch:
        yield before.git_dir / "HEAD", "another branch was checked out"
    elif before.head != later.head:
        yield before.git_dir / "HEAD", "a commit was made or undone"
    if before.index != later.index:
        yield before.git_dir / "index", "something was staged or unstaged"


def _what(path: Path) -> str:
    return "changed" if os.path.lexists(path) else "deleted"
