"""A project's files as git sees them: what is not as committed, and git's own settings."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from agentd.files import file_stamp
from agentd.git import GitFailed, ignores, output
from agentd.guard.tree import NOT_JUDGED, Look, differing, look_at

_HASHED_BYTES = 16 * 1024 * 1024  # a larger file is judged by its size and time
_HASHED_FILES = 2000  # with more than these uncommitted, all are judged by size and time
# Fields before the path, of a changed entry and of an unmerged one (git-status(1), Porcelain v2).
_FIELDS = {b"1": 8, b"u": 10}
# An editor may note a branch's upstream at any time; nothing in there makes git run a program.
_BRANCH = re.compile(rb'^\[branch "[^"\\\]\n]*"\]\n(?:[ \t]+[\w-]+ = [^\\\n]*\n)*', re.MULTILINE)


class Place(NamedTuple):
    """Where a repository is: the path of the folder asked in it, and git's own folders."""

    prefix: bytes
    git_dir: Path
    common: Path


class Repository:
    """A repository, or that part of it that lies in ``root``, as it is when this is made.

    ``skip`` tells the paths to leave out; ``at`` is where it is, if that was asked just now, and
    ``before`` what it was earlier.
    ``files`` are those that are not as committed, by their path relative to ``root``. ``own`` are
    git's settings and hooks, which say what git runs and what it hides, by absolute path. Raises
    GitFailed, also when the repository ignores ``root``: git sees nothing there then.
    """

    def __init__(
        self,
        root: Path,
        skip: Callable[[str], bool],
        at: Place | None = None,
        before: Repository | None = None,
    ) -> None:
        self._root, self._skip = root, skip
        self._at = at or _place_of(root)
        if self._at.prefix and ignores(root, "."):
            raise GitFailed(f"{root} is ignored")
        self.own = _own_files(self._at)
        status = output(
            root,
            *("status", "--porcelain=v2", "-z", "--branch", "--no-renames"),
            *("--untracked-files=all", "--ignore-submodules=none", "--", "."),
        )
        heads, paths = {}, []
        for entry in filter(None, status.split(b"\0")):
            if entry.startswith(b"# "):
                _, name, value = entry.split(b" ", 2)
                heads[name] = value
                continue
            path = os.fsdecode(_path(entry).removeprefix(self._at.prefix))
            # A review that runs the tests leaves such things in a project without a .gitignore.
            made = entry.startswith(b"? ") and not NOT_JUDGED.isdisjoint(path.split("/"))
            if not made and not skip(path):
                paths.append(path)
        self.head, self.branch = heads.get(b"branch.oid"), heads.get(b"branch.head")
        self.index_stamp = file_stamp(self._at.git_dir / "index")
        if before is not None and before.index_stamp == self.index_stamp:
            self.index: bytes = before.index
        else:
            # With the flags by which an index hides changes (assume-unchanged, skip-worktree).
            self.index = hashlib.sha256(output(root, "ls-files", "-z", "-s", "-v", ":/")).digest()
        hash_up_to = _HASHED_BYTES if len(paths) <= _HASHED_FILES else -1
        self.files = {path: _look(root / path, hash_up_to) for path in paths}

    def changed(self) -> tuple[list[Path], list[tuple[Path, str]]]:
        """The files that changed since, and what became of git's own state, path by path.

        Where git's settings changed, the files are not looked at: git might run what they name.
        """
        try:
            at = _place_of(self._root)
            own = _own_files(at)
            if own != self.own:
                paths = sorted(
                    path for path in self.own | own if self.own.get(path) != own.get(path)
                )
                return [], [
                    (path, "changed" if os.path.lexists(path) else "deleted") for path in paths
                ]
            later = Repository(self._root, self._skip, at, before=self)
        except GitFailed:
            return [], [(self._at.git_dir, "git can't read it any more")]
        moves = []
        if self.branch != later.branch:
            moves.append((self._at.git_dir / "HEAD", "another branch was checked out"))
        elif self.head != later.head:
            moves.append((self._at.git_dir / "HEAD", "a commit was made or undone"))
        if self.index != later.index:
            moves.append((self._at.git_dir / "index", "something was staged or unstaged"))
        return differing(self._root, self.files, later.files), moves


def _place_of(root: Path) -> Place:
    asked = ("--show-prefix", "--absolute-git-dir", "--git-common-dir")
    told = _line(output(root, "rev-parse", *asked)).split(b"\n")
    if len(told) != len(asked):  # a name with a line break
        told = [_line(output(root, "rev-parse", option)) for option in asked]
    prefix, git_dir, common = told
    return Place(prefix, Path(os.fsdecode(git_dir)), root / os.fsdecode(common))


def _own_files(at: Place) -> dict[Path, bytes]:
    """The settings and hooks of a repository."""
    found = {}
    for folder in {at.git_dir, at.common, *at.common.glob("modules/*")}:
        names = ("config", "config.worktree", "info/exclude", "info/attributes")
        for path in (*(folder / name for name in names), *(folder / "hooks").rglob("*")):
            look = look_at(path)
            if look is None or look.kind == "dir":
                continue
            found[path] = repr((look.kind, look.mode, look.digest)).encode()
            if path.name.startswith("config") and path.is_file() and not path.is_symlink():
                found[path] = _BRANCH.sub(b"", path.read_bytes())
    return found


def _look(path: Path, hash_up_to: float) -> Look:
    """How a file looks; a repository within the repository by all that is not as committed."""
    look = look_at(path, hash_up_to=hash_up_to) or Look("absent", digest=b"")
    if look.kind != "dir" or not os.path.lexists(path / ".git"):
        return look
    try:
        inner = Repository(path, lambda _: False)
    except GitFailed:
        return look
    parts = (inner.head, inner.index, sorted(inner.files.items()), sorted(inner.own.items()))
    digest = hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).digest()
    return Look("repository", digest=digest)


def _path(entry: bytes) -> bytes:
    fields = _FIELDS.get(entry[:1], 1)
    return entry.split(b" ", fields)[fields]


def _line(output: bytes) -> bytes:
    return output.removesuffix(b"\n")
