"""agentd's own files with their bytes, so that they can be put back."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from agentd.files import write_atomic
from agentd.guard.tree import Look, look_at

_IN_MEMORY_BYTES = 64 * 1024 * 1024  # beyond, they go to an unnamed temporary file


class Backup:
    """The files below some places of a project, as they were when this was made.

    ``skip`` tells what is left out. Links are not followed, but for folders above the places that
    were links already.
    """

    def __init__(self, root: Path, places: Iterable[Path], skip: Callable[[Path], bool]) -> None:
        self._root = root
        self.given = frozenset(places)
        self.places = sorted(p for p in self.given if self.given.isdisjoint(p.parents))
        self._skip = skip
        self._bytes = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - lives on
        self._above = {
            path: look_at(path) for place in self.places for path in self._between(place)
        }
        self.entries = dict(self._walk(self._bytes))

    def now(self) -> dict[Path, Look]:
        """The same places as they are now."""
        return dict(self._walk(None))

    def data(self, path: Path) -> bytes | None:
        """The bytes of a file, None where there was none."""
        before = self.entries.get(path)
        if before is None or before.kind != "file":
            return None
        self._bytes.seek(before.at)
        return self._bytes.read(before.size)

    def put_back(
        self, path: Path, aside: Path, data: bytes | None, *, entry: Callable[[], str] | None
    ) -> None:
        """Make ``path`` what it was, a file with ``data``; what stands there goes into ``aside``.

        ``entry`` is for :func:`write_atomic`. A reader sees the one file or the other.
        """
        before = self.entries.get(path)
        _keep_aside(path, aside / path.relative_to(self._root), stays=data is not None)
        if data is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, data, entry=entry)
            if before is not None and before.kind == "file":
                path.chmod(before.mode)
        elif before is not None and before.kind == "link" and before.digest is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(os.fsdecode(before.digest))
        # A folder is made again when something in it is.

    def _between(self, place: Path) -> list[Path]:
        """The folders between the project's root and a place, the highest first."""
        return [path for path in reversed(place.parents) if self._root in path.parents]

    def _walk(self, keep: IO[bytes] | None) -> Iterator[tuple[Path, Look]]:
        for place in self.places:
            for above in self._between(place):
                entry = look_at(above)
                if entry is not None:
                    yield above, entry
                if entry != self._above[above]:
                    break  # what lies below it is no longer this project's
            else:
                yield from self._below(place, keep)

    def _below(self, path: Path, keep: IO[bytes] | None) -> Iterator[tuple[Path, Look]]:
        entry = look_at(path, keep=keep)
        if entry is None:
            return
        yield path, entry
        if entry.kind != "dir":
            return
        try:
            inside = sorted(path.iterdir())
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return
        for item in inside:
            if not self._skip(item):
                yield from self._below(item, keep)


def _keep_aside(path: Path, target: Path, *, stays: bool) -> None:
    """Move what is at ``path`` to ``target``; a file that ``stays`` is there under both names."""
    if not os.path.lexists(path):
        return
    if path in target.parents:
        path.unlink()  # a link or a file where a folder was: there is no other place for it
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    while os.path.lexists(target):
        target = target.with_name(f"{target.name}.1")
    if stays and stat.S_ISREG(path.lstat().st_mode):
        try:
            target.hardlink_to(path)
        except OSError:  # another disk, or one without links
            shutil.copyfile(path, target)
    else:
        shutil.move(path, target)
