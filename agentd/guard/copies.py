"""Copies of a person's uncommitted and ignored files in a baseline, within bounds."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from agentd.guard.baseline import Baseline
from agentd.guard.git_status import Entry, look_inside
from agentd.guard.tree import Look, is_judged, look_at

_KEPT_BYTES = 1024 * 1024  # of one file of a person
_KEPT_IN_ALL = 64 * 1024 * 1024
_KEPT_FILES = 2000
_IGNORED_FILES = 1000  # of these
_WALKED = 10_000  # ignored files and folders that are looked at
HASHED_BYTES = 16 * 1024 * 1024  # a larger file is judged by its stamp
# What compilers and loggers write: nobody misses it.
MADE = (".o", ".a", ".so", ".obj", ".class", ".pyc", ".pyo", ".rlib", ".log", ".tmp")


class Copies:
    """Copies a person's files into a baseline, within bounds.

    ``folders`` are the ignored folders that were looked into.
    """

    def __init__(self, baseline: Baseline, top: Path) -> None:
        self._baseline = baseline
        self._top = top
        self._bytes = 0
        self._files = 0
        self.folders: list[str] = []

    def look(self, path: str, entry: Entry, *, is_hashed: bool) -> None:
        """Note how a file that is not committed looks, with its bytes where there is room."""
        place = self._top / path
        look = look_at(place, hash_up_to=-1)
        if look is not None and self._has_room(look):
            look = self._keep(place)
        elif look is not None:
            look = look_at_entry(place, entry, HASHED_BYTES if is_hashed else -1)
        if look is not None:
            self._baseline.note(place, look)

    def ignored(self, names: Iterable[str], skip: Callable[[str], bool]) -> Iterator[str]:
        """Copy ignored files; yields those that were. What is nearer to the top comes first."""
        wanted = (name for name in names if not name.endswith(MADE))
        waiting = deque(sorted(wanted, key=lambda name: (name.count("/"), name)))
        most = self._files + _IGNORED_FILES
        for _ in range(_WALKED):
            if not waiting or self._files >= most:
                return
            name = waiting.popleft()
            path = name.rstrip("/")
            if not is_judged(path) or skip(path):
                continue
            if name.endswith("/"):
                self.folders.append(path)
                files, folders = self._inside(name)
                waiting.extendleft(reversed(files))
                waiting.extend(folders)
                continue
            place = self._top / path
            look = look_at(place, hash_up_to=-1)
            if look is not None and (look.kind == "link" or self._has_room(look)):
                self._keep(place)
                yield path

    def _inside(self, folder: str) -> tuple[list[str], list[str]]:
        """Its files and its folders, sorted."""
        files, folders = [], []
        with contextlib.suppress(OSError), os.scandir(self._top / folder) as entries:
            for entry, _ in zip(entries, range(_WALKED), strict=False):
                if entry.is_dir(follow_symlinks=False):
                    folders.append(f"{folder}{entry.name}/")
                elif not entry.name.endswith(MADE):
                    files.append(f"{folder}{entry.name}")
        return sorted(files), sorted(folders)

    def _has_room(self, look: Look) -> bool:
        return (
            look.kind == "file"
            and look.size <= _KEPT_BYTES
            and self._bytes + look.size <= _KEPT_IN_ALL
            and self._files < _KEPT_FILES
        )

    def _keep(self, place: Path) -> Look | None:
        look = self._baseline.keep(place, up_to=_KEPT_BYTES)
        if look is not None:
            self._bytes += look.size
            self._files += 1
        return look


def look_again(place: Path, entry: Entry | None, baseline: Baseline) -> Look | None:
    """How a file looks now; what has the stamp that the baseline knows is not read again."""
    before = baseline.entries.get(place)
    now = look_at(place, hash_up_to=-1)
    if now is not None and before is not None and now.kind == "file":
        if now.stamp == before.stamp and baseline.is_settled(now):
            return before
        if before.digest is None:
            return now
    return look_at_entry(place, entry, HASHED_BYTES)


def look_at_entry(place: Path, entry: Entry | None, hash_up_to: float) -> Look | None:
    """How a file looks; a repository within the repository by all that is not as committed."""
    look = look_at(place, hash_up_to=hash_up_to)
    if look is None or look.kind != "dir":
        return look
    if (entry is not None and entry.is_module) or os.path.lexists(place / ".git"):
        inside = look_inside(place)
        return inside[0] if inside else look
    return look
