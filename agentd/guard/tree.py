"""Files by what they look like, links not followed; and a whole tree of them, without git."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

# What tools make and projects do not keep, for projects without a .gitignore to say so.
NOT_JUDGED = frozenset(
    (
        *(".git", ".hg", ".svn", ".DS_Store"),
        *("node_modules", ".venv", "venv", ".tox", ".nox", "target", "build", "dist"),
        *("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".cache", ".coverage"),
    )
)
_HASHED_BYTES = 16 * 1024 * 1024  # a larger file is judged by its size and time


@dataclass(frozen=True, slots=True)
class Look:
    """How a file looks: its kind, its permissions, its content as a hash or else size and time."""

    kind: str
    mode: int
    size: int
    mtime_ns: int
    digest: bytes | None = None

    def same_as(self, other: Look) -> bool:
        """Whether both are the same file; by size and time where a hash is missing."""
        if (self.kind, self.mode, self.size) != (other.kind, other.mode, other.size):
            return False
        if self.digest is not None and other.digest is not None:
            return self.digest == other.digest
        return self.mtime_ns == other.mtime_ns


def look_at(path: str | Path, *, hashed: bool) -> Look | None:
    """How ``path`` looks, None when nothing is there. A link is what it points to, as text."""
    try:
        found = os.lstat(path)
        digest = None
        if stat.S_ISLNK(found.st_mode):
            digest = os.fsencode(Path(path).readlink())
        elif hashed and stat.S_ISREG(found.st_mode) and found.st_size <= _HASHED_BYTES:
            digest = _hash(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    kind = "dir" if stat.S_ISDIR(found.st_mode) else oct(stat.S_IFMT(found.st_mode))
    # The size and time of a folder say only that something in it changed.
    size, mtime_ns = (0, 0) if kind == "dir" else (found.st_size, found.st_mtime_ns)
    return Look(kind, stat.S_IMODE(found.st_mode), size, mtime_ns, digest)


def _hash(path: str | Path) -> bytes | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except PermissionError:
        return None
    with os.fdopen(fd, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").digest()


def look_around(root: Path, skip: Callable[[str], bool]) -> dict[str, Look]:
    """Every file below ``root`` by its path relative to it, but for NOT_JUDGED and ``skip``."""
    found = {}
    for path in _walk(os.fspath(root), "", skip):
        look = look_at(os.path.join(root, path), hashed=False)  # noqa: PTH118 - 100,000 of them
        if look is not None:
            found[path] = look
    return found


def _walk(root: str, folder: str, skip: Callable[[str], bool]) -> Iterator[str]:
    try:
        entries = list(os.scandir(f"{root}/{folder}"))
    except (FileNotFoundError, PermissionError):
        return
    for entry in entries:
        path = f"{folder}{entry.name}"
        if entry.name in NOT_JUDGED or skip(path):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(root, f"{path}/", skip)
        else:
            yield path
