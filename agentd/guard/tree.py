"""Files by what they look like, links not followed."""

from __future__ import annotations

import math
import os
import stat
from dataclasses import field
from pathlib import Path
from typing import IO

from agentd.digests import sha256
from agentd.frozen import frozen
from agentd.late_pattern import late_pattern

_LEFT_BY_TOOLS = frozenset(
    (
        *(".git", ".hg", ".svn", ".DS_Store"),
        *("node_modules", ".venv", "venv", ".tox", ".nox", "target", "build", "dist"),
        *("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".cache", ".coverage"),
        *("coverage", "htmlcov", ".nyc_output", ".hypothesis", ".eggs", ".gradle"),
    )
)


_LOCKS = {
    **dict.fromkeys(("package-lock.json", "npm-shrinkwrap.json", "yarn.lock"), "package.json"),
    **dict.fromkeys(("pnpm-lock.yaml", "bun.lock", "bun.lockb"), "package.json"),
    **dict.fromkeys(("uv.lock", "poetry.lock", "pdm.lock"), "pyproject.toml"),
    **{"Pipfile.lock": "Pipfile", "Cargo.lock": "Cargo.toml", "go.sum": "go.mod"},
    **{"Gemfile.lock": "Gemfile", "composer.lock": "composer.json"},
}


_SCHEMA = late_pattern(rb'\s*\{\s*"\$schema":\s*"https://[^"\s]*",')


def is_lock_of_tools(path: Path) -> bool:
    """Whether it is a file that a package manager writes beside its project's file."""
    beside = _LOCKS.get(path.name)
    return beside is not None and path.is_file() and path.with_name(beside).is_file()


def only_names_its_schema(before: bytes | None, now: bytes | None) -> bool:
    """Whether all that changed in a JSON file is that it begins with a ``$schema`` now.

    opencode adds that to each of its config files that has none, whenever it starts.
    """
    earlier = without_added_schema(now or b"")
    return before is not None and earlier is not None and before.lstrip() == earlier


def without_added_schema(now: bytes) -> bytes | None:
    """A JSON file as it was before a ``$schema`` came to its beginning; None if none can have."""
    found = _SCHEMA.match(now)
    if found is None or b'"$schema"' in now[found.end() :]:
        return None
    return b"{" + now[found.end() :]


def is_judged(path: str) -> bool:
    """Whether a path is none of what tools make and projects do not keep.

    It is for projects without a .gitignore to say so.
    """
    return _LEFT_BY_TOOLS.isdisjoint(path.split("/")) and ".egg-info/" not in f"{path}/"


@frozen()
class Look:
    """What stands at a path: file, dir, link, or other, also for a file that can't be read.

    ``digest`` is the sha256 of a file, the target of a link; None where it was not read. Of a
    folder it is that of what is looked at as one in there (see ``crowds``), None: there is none.
    ``at`` is where a baseline has its bytes, -1 where it has none.
    """

    kind: str
    mode: int = 0
    size: int = 0
    digest: bytes | None = None
    mtime_ns: int = field(default=0, compare=False)
    ctime_ns: int = field(default=0, compare=False)
    inode: int = field(default=0, compare=False)
    at: int = field(default=-1, compare=False)

    @property
    def is_crowd(self) -> bool:
        """Whether it is a folder with files of which each alone is not known."""
        return self.kind == "dir" and self.digest is not None

    @property
    def stamp(self) -> tuple[str, int, int, int, int, int]:
        """What no writer can leave as it was: ctime is the kernel's alone."""
        return self.kind, self.mode, self.size, self.mtime_ns, self.ctime_ns, self.inode

    def same_as(self, other: Look) -> bool:
        """Whether both are the same; by their stamps where a hash is missing."""
        if self.digest is not None and other.digest is not None:
            return self == other
        return self.stamp == other.stamp and self.is_crowd == other.is_crowd


def look_at(
    path: str | Path, *, hash_up_to: float = math.inf, keep: IO[bytes] | None = None
) -> Look | None:
    """What stands at ``path``, None for nothing; a file's bytes are appended to ``keep``.

    A file of more than ``hash_up_to`` bytes is not read.
    """
    try:
        found = os.lstat(path)
        if stat.S_ISDIR(found.st_mode):  # its size and time say only that something in it changed
            return Look("dir")
        if stat.S_ISLNK(found.st_mode):
            return Look("link", digest=os.fsencode(Path(path).readlink()))
        look = Look(
            "file" if stat.S_ISREG(found.st_mode) else "other",
            stat.S_IMODE(found.st_mode),
            found.st_size,
            mtime_ns=found.st_mtime_ns,
            ctime_ns=found.st_ctime_ns,
            inode=found.st_ino,
        )
        is_read = look.kind == "file" and look.size <= hash_up_to
        return _read(path, look, keep) if is_read else look
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        return Look("other")


def _read(path: str | Path, look: Look, keep: IO[bytes] | None) -> Look:
    at = keep.tell() if keep else -1
    digest = sha256(size=look.size)
    size = 0
    # O_NONBLOCK: should it have become a FIFO meanwhile, nothing waits for its writer.
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(fd, "rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
            size += len(block)
            if keep:
                keep.write(block)
    times = (look.mtime_ns, look.ctime_ns, look.inode)
    return Look(look.kind, look.mode, size, digest.digest(), *times, at)
