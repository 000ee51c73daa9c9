"""Which files of a project a step changed, by how many lines each, against what was there before.

git tells what differs from the commit that the step began at. What differed already then, or has no
commit at all, is read before, so that a person's edits are not told as the step's.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from agentd import git
from agentd.files import FileStamp, file_stamp, files_below, read_plain
from agentd.frozen import frozen
from agentd.guard.tree import is_judged
from agentd.project.layout import Project

_MOST_BYTES = 1_000_000  # of a file whose lines are counted here
_MOST_BYTES_KEPT = 30_000_000  # of all files together
_MOST_LINES = 3000  # that differ between two versions: comparing takes their square


class Lines(NamedTuple):
    """By how many lines a file was changed; None where they can't be counted."""

    added: int | None
    removed: int | None

    def told(self) -> str:
        """``+12 -3``; "" where lines can't be counted."""
        return "" if self.added is None else f"+{self.added:,} -{self.removed or 0:,}"


class _Kept(NamedTuple):
    """A file as it was: ``data`` is None for one that was not there, or that is not compared."""

    stamp: FileStamp | None
    data: bytes | None


@frozen(kw_only=True)
class Before:
    """A project's files before a step: those of ``commit`` as they stand there, but for ``kept``.

    ``commit`` is None where git has none.
    """

    project: Project
    commit: str | None
    kept: dict[str, _Kept]


def look_before(project: Project) -> Before:
    """The project's files as they are now, but agentd's own and those that git ignores."""
    commit = head_of(project)
    kept: dict[str, _Kept] = {}
    left = _MOST_BYTES_KEPT
    for name in differing(project, commit):
        path = project.root / name
        data = _read(path, min(left, _MOST_BYTES))
        left -= len(data or b"")
        kept[name] = _Kept(file_stamp(path), data)
    return Before(project=project, commit=commit, kept=kept)


def head_of(project: Project) -> str | None:
    """The commit that is checked out; None without git or repository, or before the first."""
    try:
        return git.output(project.root, "rev-parse", "HEAD").decode().strip()
    except git.GitFailed:
        return None


def changed_since(before: Before) -> dict[str, Lines]:
    """The files that are not as they were, sorted."""
    root = before.project.root
    counted = differing(before.project, before.commit)
    changed = {}
    for name in sorted({*counted, *before.kept}):
        was, now = before.kept.get(name), file_stamp(root / name)
        if was is None:
            lines = counted[name] or _compared(b"", root / name, now)
        elif was.stamp == now:
            continue
        elif was.data is None and was.stamp is not None:
            lines = Lines(None, None)
        else:
            lines = _compared(was.data or b"", root / name, now)
            if lines == (0, 0) and (was.stamp is None) == (now is None):
                continue  # written again as it was
        changed[name] = lines
    return changed


def differing(project: Project, commit: str | None) -> dict[str, Lines | None]:
    """The files that differ from the commit with git's count, and those that it has not: None."""
    root, found = project.root, dict[str, Lines | None]()
    with contextlib.suppress(git.GitFailed):
        if commit is not None:
            found |= _numstat(root, commit)
    with contextlib.suppress(OSError):
        found |= dict.fromkeys(_new(root, commit))
    own = (project.agentd_dir, project.changes_dir.parent)
    return {
        name: lines
        for name, lines in found.items()
        if not any((root / name).is_relative_to(folder) for folder in own)
    }


def _numstat(root: Path, commit: str) -> Iterator[tuple[str, Lines]]:
    told = git.output(root, "diff", "--numstat", "-z", "--no-renames", "--relative", commit)
    for entry in filter(None, os.fsdecode(told).split("\0")):
        added, removed, name = entry.split("\t", 2)
        yield name, Lines(_count(added), _count(removed))


def _new(root: Path, commit: str | None) -> Sequence[str]:
    """The files that the commit has not; all that are there where git can't be asked."""
    of_index = () if commit else ("--cached",)
    try:
        asked = ("ls-files", "--others", *of_index, "--exclude-standard", "-z")
        return [*filter(None, os.fsdecode(git.output(root, *asked)).split("\0"))]
    except git.GitFailed:
        there = files_below(root, "", enters=lambda name: name != ".git" and is_judged(name))
        return [os.fspath(path.relative_to(root)) for path in there]


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _read(path: Path, max_bytes: int) -> bytes | None:
    """The bytes of a small file that is no link; None for others."""
    with contextlib.suppress(OSError):
        if not path.is_symlink():
            return read_plain(path, max_bytes=max_bytes)
    return None


def _compared(was: bytes, path: Path, now: FileStamp | None) -> Lines:
    data = b"" if now is None else _read(path, _MOST_BYTES)
    if data is None or b"\0" in was or b"\0" in data:
        return Lines(0, 0) if data == was else Lines(None, None)
    old, new = BytesIO(was).readlines(), BytesIO(data).readlines()
    for _ in ("begin", "end"):  # what both have there needs no comparing
        most = min(len(old), len(new))
        start = next((at for at in range(most) if old[at] != new[at]), most)
        old, new = old[start:][::-1], new[start:][::-1]
    if not old or not new:
        return Lines(len(new), len(old))
    if max(len(old), len(new)) > _MOST_LINES:
        return Lines(None, None)
    from difflib import SequenceMatcher

    same = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    both = sum(block.size for block in same)
    return Lines(len(new) - both, len(old) - both)
