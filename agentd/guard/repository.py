"""A project's files as git sees them: what is not as committed, and git's own settings."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from agentd.git import GitFailed, output
from agentd.guard.tree import NOT_JUDGED, Look, look_at

_HASHED_FILES = 2000  # with more than these uncommitted, all are judged by size and time
# Fields before the path, of a changed entry and of an unmerged one (git-status(1), Porcelain v2).
_FIELDS = {b"1": 8, b"u": 10}
# An editor may note a branch's upstream at any time; nothing in there makes git run a program.
_BRANCH = re.compile(rb'^\[branch "[^"\\\]\n]*"\]\n(?:[ \t]+[\w-]+ = [^\\\n]*\n)*', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository, or that part of it that lies in ``root``, at one moment.

    ``files`` are those that are not as committed, by their path relative to ``root``. ``own`` are
    git's settings and hooks, which say what git runs and what it hides, by absolute path.
    """

    root: Path
    git_dir: Path
    head: bytes
    branch: bytes
    index: bytes
    files: dict[str, Look]
    own: dict[Path, bytes]

    def changed_files(self, later: Repository) -> Iterator[str]:
        """The files that look different at a later moment."""
        for path in self.files.keys() | later.files.keys():
            before = self.files.get(path)
            if before is None:
                yield path
                continue
            now = later.files.get(path) or look_at(self.root / path, hashed=True)
            if now is None or not before.same_as(now):
                yield path


def read(root: Path, skip: Callable[[str], bool], at: Place | None = None) -> Repository:
    """The repository around ``root`` now; ``skip`` tells the paths to leave out.

    ``at`` is where it is, if that was asked just now. Raises GitFailed, also when the repository
    ignores ``root``: git sees nothing there then.
    """
    at = at or place_of(root)
    if at.prefix and _ignored(root):
        raise GitFailed(f"{root} is ignored")
    own = own_files(at)
    status = output(
        root,
        *("status", "--porcelain=v2", "-z", "--branch", "--no-renames"),
        *("--untracked-files=all", "--ignore-submodules=none", "--", "."),
    )
    head = branch = b""
    paths = []
    for entry in _entries(status):
        if entry.startswith(b"# branch.oid "):
            head = entry.removeprefix(b"# branch.oid ")
        elif entry.startswith(b"# branch.head "):
            branch = entry.removeprefix(b"# branch.head ")
        elif not entry.startswith(b"# "):
            path = os.fsdecode(_path(entry).removeprefix(at.prefix))
            # A review that runs the tests leaves such things in a project without a .gitignore.
            made = entry.startswith(b"? ") and not NOT_JUDGED.isdisjoint(path.split("/"))
            if not made and not skip(path):
                paths.append(path)
    hashed = len(paths) <= _HASHED_FILES
    looks = {path: _look(root / path, hashed=hashed) for path in paths}
    return Repository(
        root=root,
        git_dir=at.git_dir,
        head=head,
        branch=branch,
        # With the flags by which an index hides changes (assume-unchanged, skip-worktree).
        index=hashlib.sha256(output(root, "ls-files", "-z", "-s", "-v", ":/")).digest(),
        files=looks,
        own=own,
    )


class Place(NamedTuple):
    """Where a repository is: the path of the folder asked in it, and git's own folders."""

    prefix: bytes
    git_dir: Path
    common: Path


def place_of(root: Path) -> Place:
    """Where the repository around ``root`` is. Raises GitFailed."""
    asked = ("--show-prefix", "--absolute-git-dir", "--git-common-dir")
    told = _line(output(root, "rev-parse", *asked)).split(b"\n")
    if len(told) != len(asked):  # a name with a line break
        told = [_line(output(root, "rev-parse", option)) for option in asked]
    prefix, git_dir, common = told
    return Place(prefix, Path(os.fsdecode(git_dir)), root / os.fsdecode(common))


def own_files(at: Place) -> dict[Path, bytes]:
    """The settings and hooks of a repository."""
    found = {}
    for folder in {at.git_dir, at.common, *at.common.glob("modules/*")}:
        names = ("config", "config.worktree", "info/exclude", "info/attributes")
        for path in (*(folder / name for name in names), *(folder / "hooks").rglob("*")):
            look = look_at(path, hashed=True)
            if look is None or look.kind == "dir":
                continue
            found[path] = repr((look.kind, look.mode, look.digest)).encode()
            if path.name.startswith("config") and path.is_file() and not path.is_symlink():
                found[path] = _BRANCH.sub(b"", path.read_bytes())
    return found


def _look(path: Path, *, hashed: bool) -> Look:
    """How a file looks; a repository within the repository by all that is not as committed."""
    look = look_at(path, hashed=hashed) or Look("absent", 0, 0, 0, b"")
    if look.kind != "dir" or not os.path.lexists(path / ".git"):
        return look
    try:
        inner = read(path, lambda _: False)
    except GitFailed:
        return look
    parts = (inner.head, inner.index, sorted(inner.files.items()), sorted(inner.own.items()))
    digest = hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).digest()
    return Look("repository", look.mode, 0, 0, digest)


def _entries(status: bytes) -> Iterator[bytes]:
    yield from (entry for entry in status.split(b"\0") if entry)


def _path(entry: bytes) -> bytes:
    fields = _FIELDS.get(entry[:1], 1)
    return entry.split(b" ", fields)[fields]


def _line(output: bytes) -> bytes:
    return output.removesuffix(b"\n")


def _ignored(root: Path) -> bool:
    try:
        output(root, "check-ignore", "-q", ".")
    except GitFailed:
        return False
    return True
