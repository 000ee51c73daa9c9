"""agentd's own files in a baseline, compared with what is there, and put back from it."""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from agentd.files import sync_folder, write_atomic
from agentd.guard.aside import free_place, is_folder, taken_names
from agentd.guard.baseline import Baseline
from agentd.guard.crowds import Crowds, digest_of
from agentd.guard.tree import Look, look_at

_ON_ITS_WAY = ".in-the-way"
_NOT_LISTED = (FileNotFoundError, NotADirectoryError, PermissionError)
_KEPT_IN_ALL = 256 * 1024 * 1024


class Backup:
    """The files below some places of a project, as a baseline has them.

    ``kept`` tells up to which size the bytes of a file are kept, None: it is left out. There is
    room for so many in all; a file of which ``kept`` has no bound is kept without room as well.
    ``crowds`` tells which files are looked at as one. Places that stand before others in ``places``
    are kept first. Links are not followed, but for folders above the places that were links
    already.
    """

    def __init__(
        self,
        root: Path,
        places: Iterable[Path],
        kept: Callable[[Path], float | None],
        crowds: Crowds,
        baseline: Baseline,
    ) -> None:
        self._root = root
        places = dict.fromkeys(places)
        self.given = frozenset(places)
        self.places = [p for p in places if self.given.isdisjoint(p.parents)]
        self._kept = kept
        self._crowds = crowds
        self._baseline = baseline
        self._above: dict[Path, Look | None] = {}
        self.entries: dict[Path, Look] = {}

    def keep(self) -> None:
        """Take in the places as they are now."""
        self._above = {
            path: look_at(path) for place in self.places for path in self._between(place)
        }
        room = float(_KEPT_IN_ALL)

        def keep(path: Path, up_to: float) -> Look | None:
            nonlocal room
            look = self._baseline.keep(path, up_to if up_to == math.inf else min(up_to, room))
            if look is not None and look.at >= 0:
                room = max(0, room - look.size)
            return look

        self.entries = dict(self._walk(keep, self._crowds.one_by_one))
        for path, look in self.entries.items():
            if look.is_crowd:
                self._baseline.note(path, look)
        for path in self._above.keys() & self.entries.keys():
            self._baseline.note(path, self.entries[path])

    def read(self) -> None:
        """Take in what another process has kept."""
        entries = self._baseline.entries
        above = {path for place in self.places for path in self._between(place)}
        self._above = {path: entries.get(path) for path in above}
        self.entries = {
            path: look
            for path, look in entries.items()
            if path in above or not self.given.isdisjoint((path, *path.parents))
        }

    def now(self) -> dict[Path, Look]:
        """The same places as they are now; a file whose stamp is as before is not read again."""

        def look_again(path: Path, up_to: float) -> Look | None:
            look, before = look_at(path, hash_up_to=-1), self.entries.get(path)
            if look is None or look.kind != "file":
                return look
            if (
                before is not None
                and look.stamp == before.stamp
                and self._baseline.is_settled(look)
            ):
                return before
            return look_at(path, hash_up_to=up_to)

        def as_before(folder: Path, names: Sequence[str]) -> Sequence[str]:
            before = self.entries.get(folder)
            if before is None or not before.is_crowd:
                return names
            return self._crowds.as_before(folder, names, self.entries)

        return dict(self._walk(look_again, as_before))

    def look(self, path: Path) -> Look | None:
        """How a file looks now; None behind a link in the place of a folder, as in :meth:`now`."""
        for part in self._between(path):
            if not self._is_as_folder(part):
                return None
        up_to = self._kept(path)
        return look_at(path, hash_up_to=math.inf if up_to is None else up_to)

    def data(self, path: Path) -> bytes | None:
        """The bytes of a file, None where there was none, or they were not kept."""
        return self._baseline.data(path)

    def put_back(
        self, path: Path, aside: Path, data: bytes | None, *, entry: Callable[[], str] | None
    ) -> None:
        """Make ``path`` what it was, a file with ``data``; what stands there goes into ``aside``.

        None: there was no file. ``entry`` is for :func:`write_atomic`. A reader sees the one file
        or the other. Raises OSError; what was done then is not undone.
        """
        before = self.entries.get(path)
        is_link = before is not None and before.kind == "link" and data is None
        if data is not None or is_link:
            self._make_way(path.parent, aside)
        self._keep_aside(path, aside, stays=data is not None)
        if data is not None:
            write_atomic(path, data, entry=entry)
            if before is not None and before.kind == "file":
                path.chmod(before.mode)
        elif is_link and before is not None and before.digest is not None:
            path.symlink_to(os.fsdecode(before.digest))
            sync_folder(path.parent)
        # A folder is made again when something in it is.

    def clear_way(self, folder: Path, aside: Path) -> list[Path]:
        """Move what stands in the way of a folder, if anything does, into ``aside``.

        So is what was on its way there when agentd was killed. Returns where stood what is in there
        by now. Raises OSError.
        """
        parts = (*self._between(folder), folder)
        waiting = [(part, found) for part in parts for found in _on_its_way(part)]
        if any(os.path.lexists(part) and not self._is_as_folder(part) for part in parts):
            self._make_way(folder, aside)
        for part, found in waiting:
            self._make_way(aside, aside)
            found.rename(free_place(aside, part.relative_to(self._root)))
        kept_as = ((part, aside / part.relative_to(self._root)) for part in parts)
        return [part for part, kept in kept_as if not all(map(is_folder, taken_names(kept)))]

    def put_aside(self, path: Path, aside: Path, data: bytes) -> None:
        """Write what ``path`` was into ``aside``, and leave what it is. Raises OSError."""
        self._make_way(aside, aside)
        write_atomic(free_place(aside, path.relative_to(self._root)), data)

    def _between(self, place: Path) -> list[Path]:
        """The folders between the project's root and a place, the highest first."""
        return [path for path in reversed(place.parents) if self._root in path.parents]

    def _walk(
        self,
        look: Callable[[Path, float], Look | None],
        one_by_one: Callable[[Path, Sequence[str]], Sequence[str]],
    ) -> Iterator[tuple[Path, Look]]:
        for place in self.places:
            for above in self._between(place):
                entry = look_at(above)
                if entry is not None:
                    yield above, entry
                if entry != self._above[above]:
                    break  # what lies below it is no longer this project's
            else:
                yield from self._below(place, look, one_by_one)

    def _below(
        self,
        place: Path,
        look: Callable[[Path, float], Look | None],
        one_by_one: Callable[[Path, Sequence[str]], Sequence[str]],
    ) -> Iterator[tuple[Path, Look]]:
        waiting = [place]
        while waiting:  # no recursion: an agent may have left any number of folders in each other
            path = waiting.pop()
            up_to = self._kept(path)
            entry = None if up_to is None else look(path, up_to)
            if entry is None:
                continue
            if entry.kind == "dir":
                inside: Sequence[str] = ()
                with contextlib.suppress(*_NOT_LISTED):
                    inside = sorted(os.listdir(path))  # noqa: PTH208 - Paths take longer to sort
                alone = one_by_one(path, inside)
                waiting += [path / name for name in reversed(alone)]
                if rest := self._crowds.rest(path, inside, alone):
                    entry = Look("dir", digest=digest_of(path, rest))
            yield path, entry

    def _is_as_folder(self, part: Path) -> bool:
        """Whether it is a folder, or was a link before."""
        above = self._above.get(part)
        return is_folder(part) or (above is not None and above.kind == "link")

    def _make_way(self, folder: Path, aside: Path) -> None:
        """Make the folder, a real one below real ones; what stands in the way goes aside."""
        for part in (*self._between(folder), folder):
            if self._is_as_folder(part):
                continue
            self._keep_aside(part, aside, stays=False)
            part.mkdir(exist_ok=True)  # it is there when ``aside`` lies in it
            sync_folder(part.parent)

    def _keep_aside(self, path: Path, aside: Path, *, stays: bool) -> None:
        """Move what is at ``path`` into ``aside``; a file that ``stays`` is under both names."""
        if not os.path.lexists(path):
            return
        if path == aside or path in aside.parents:
            waiting = path.with_name(f".{path.name}.{os.urandom(4).hex()}{_ON_ITS_WAY}")
            path.rename(waiting)
            self._make_way(aside, aside)
            waiting.rename(free_place(aside, path.relative_to(self._root)))
            return
        self._make_way(aside, aside)
        target = free_place(aside, path.relative_to(self._root))
        if stays and stat.S_ISREG(path.lstat().st_mode):
            try:
                target.hardlink_to(path)
            except OSError:  # another disk, or one without links
                shutil.copyfile(path, target)
        else:
            shutil.move(path, target)
        sync_folder(target.parent)


def _on_its_way(path: Path) -> list[Path]:
    """What stood at ``path`` and was being moved aside."""
    begin, length = f".{path.name}.", len(f".{path.name}.12345678{_ON_ITS_WAY}")
    try:
        names = os.listdir(path.parent)  # noqa: PTH208 - to glob takes ten times as long
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
    return [
        path.parent / name
        for name in sorted(names)
        if len(name) == length and name.startswith(begin) and name.endswith(_ON_ITS_WAY)
    ]
