"""What git says of a working tree: what is not as committed, what is ignored or hidden from it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from agentd.digests import sha256
from agentd.frozen import frozen
from agentd.git import GitFailed
from agentd.guard.git_place import GitPlace
from agentd.guard.git_settings import settings_of
from agentd.guard.tree import Look, is_judged, look_at
from agentd.late_pattern import late_pattern

# Fields before the path, of a changed entry and of an unmerged one (git-status(1), Porcelain v2).
_FIELDS = {b"1": 8, b"u": 10}
_ASKED = ("status", "--porcelain=v2", "-z", "--no-renames", "--untracked-files=all")
# The letter of ls-files -v: assume-unchanged is a lower case one, skip-worktree an S.
_FLAGGED = late_pattern(rb"(?:\A|\0)([a-zS]) ([^\0]*)")
_INNER_FILES = 2000  # of a repository within the repository; beyond, only their number counts


HIDDEN = "h"


class Entry(NamedTuple):
    """A file that is not as committed.

    ``state`` is its letter in the working tree: "." as in the index, "M", "D" ..., "?" for one that
    git does not know, "u" in a merge, HIDDEN for one that git is told not to look at. ``in_head``
    and ``in_index`` are its objects, "" for none. ``stages`` is what stands in the index alone, a
    line each as git's ``ls-files -s`` has it, without the path.
    """

    state: str
    is_module: bool = False
    in_head: str = ""
    in_index: str = ""
    stages: str = ""


@frozen()
class Status:
    """Files by their path below the repository's top; ``ignored_text`` is for :func:`names_in`."""

    entries: dict[str, Entry]
    ignored_text: str

    @classmethod
    def read(cls, place: GitPlace, index: Path | None = None) -> Status:
        """What git says now, with another ``index``. Raises GitFailed.

        What tools make in a project without a .gitignore is left out, where git does not know it.
        """
        told = place.ask(*_ASKED, "--ignored=matching", "--ignore-submodules=none", index=index)
        # Ignored files come last, and there may be a hundred thousand: no loop over them.
        told, _, ignored = (b"\0" + told).partition(b"\0! ")
        entries = {}
        for line in told.split(b"\0"):
            kind = line[:1]
            if kind == b"?":
                path = os.fsdecode(line[2:]).rstrip("/")
                if is_judged(path):
                    entries[path] = Entry("?")
            elif kind in (b"1", b"u"):
                *fields, path_bytes = line.split(b" ", _FIELDS[kind])
                entries[os.fsdecode(path_bytes)] = _entry(fields)
        return cls(entries, os.fsdecode(ignored.removesuffix(b"\0")))


def names_in(ignored_text: str) -> list[str]:
    """The paths that git ignores, without what lies in them; folders end in "/"."""
    return ignored_text.split("\0! ") if ignored_text else []


def _entry(fields: list[bytes]) -> Entry:
    kind, letters, module, *rest = (field.decode() for field in fields)
    if kind == "u":
        modes, objects = rest[:3], rest[4:]
        sides = (f"{modes[n]} {objects[n]} {n + 1}" for n in range(3) if modes[n].strip("0"))
        ours = objects[1] if modes[1].strip("0") else ""
        return Entry("u", in_head=ours, stages="\n".join(sides))
    *modes, in_head, in_index = rest
    alone = f"{modes[1]} {in_index} 0" if "." not in letters and _object(in_index) else ""
    is_module = module[0] == "S"
    stages = "" if is_module else alone
    return Entry(letters[1], is_module, _object(in_head), _object(in_index), stages)


def _object(told: str) -> str:
    return told if told.strip("0") else ""


def tracked(place: GitPlace) -> bytes:
    """The files in the index, with their flags, for the two functions below. Raises GitFailed."""
    return place.ask("ls-files", "-v", "-z")


def folders_of(told: bytes) -> set[str]:
    """The folders that :func:`tracked` files are in, without the repository's top."""
    return _folders({entry[2 : entry.rfind(b"/")] for entry in told.split(b"\0") if b"/" in entry})


def folders_of_names(paths: Iterable[str]) -> set[str]:
    """The folders that these are in."""
    return _folders({os.fsencode(path).rpartition(b"/")[0] for path in paths} - {b""})


def _folders(deepest: set[bytes]) -> set[str]:
    found: set[bytes] = set()
    for folder in deepest:
        above = folder
        while above and above not in found:
            found.add(above)
            above = above.rpartition(b"/")[0]
    return set(map(os.fsdecode, found))


def hidden_by_flags(told: bytes) -> dict[str, str]:
    """The :func:`tracked` files that git is told not to look at, with the letter of their flag."""
    if told.count(b"\0H ") + told.startswith(b"H ") == told.count(b"\0"):
        return {}
    found = _FLAGGED.findall(told)
    return {os.fsdecode(path): letter.decode() for letter, path in found}


def look_inside(path: Path) -> tuple[Look, bool] | None:
    """How a repository within the repository looks, and whether all in it is as committed.

    None for what is none that git can read.
    """
    try:
        place = GitPlace.around(path)
        if place.top != path.resolve():
            return None
        status = Status.read(place)
        head = place.ask("rev-parse", "-q", "--verify", "HEAD", fails=True)
    except GitFailed:
        return None
    looks = [
        (name, repr(look_at(path / name, hash_up_to=1 << 20)))
        for name in sorted(status.entries)[:_INNER_FILES]
    ]
    own = []
    if place.git_dir.is_relative_to(place.top):  # else it is the outer repository's
        own = [(os.fspath(file), repr(look)) for file, look in settings_of(place)]
    parts = repr((head.strip(), len(status.entries), looks, own))
    digest = sha256(parts.encode("utf-8", "surrogateescape")).digest()
    return Look("repository", digest=digest), not status.entries


def clean_module(commit: str) -> Look:
    """How a submodule looks that is at this commit with nothing changed in it."""
    parts = repr((commit.encode(), 0, [], []))
    return Look("repository", digest=sha256(parts.encode()).digest())
