"""Folders of runs in which more lies than is kept file by file: the rest is looked at as one.

An agent may have left any number of files in the folder of its run. What is looked at as one has no
copy, but whatever becomes of a file in there changes the digest of its folder.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from pathlib import Path

from agentd.digests import sha256

_OF_A_RUN = 300  # files and folders that are kept one by one
_OF_ALL_RUNS = 5_000


class Crowds:
    """Divides what lies in folders of runs into what is kept one by one, and the rest.

    ``run_of`` tells in which run's folder a path lies, None: in none that counts here. What
    ``is_vital`` is always looked at by itself, also if it is new: agentd believes it later, or
    wrote it. What agentd may leave without a note, ``passes``, is not of the rest.
    """

    def __init__(
        self,
        run_of: Callable[[Path], Path | None],
        is_vital: Callable[[Path], bool],
        passes: Callable[[Path], bool],
    ) -> None:
        self._run_of = run_of
        self._is_vital = is_vital
        self._passes = passes
        self._taken: Counter[Path] = Counter()
        self._in_all = 0

    def one_by_one(self, folder: Path, names: Sequence[str]) -> Sequence[str]:
        """Those of the sorted ``names`` in a folder that are kept by themselves."""
        run = self._run_of(folder)
        if run is None:
            return names
        room = min(_OF_A_RUN - self._taken[run], _OF_ALL_RUNS - self._in_all)
        if len(names) > room:
            vital = frozenset(name for name in names if self._is_vital(folder / name))
            others = [name for name in names if name not in vital]
            names = sorted([*vital, *others[: max(0, room - len(vital))]])
        self._taken[run] += len(names)
        self._in_all += len(names)
        return names

    def as_before(
        self, folder: Path, names: Sequence[str], before: Container[Path]
    ) -> Sequence[str]:
        """Those that are looked at by themselves, where these were kept so before."""
        paths = ((name, folder / name) for name in names)
        return [name for name, path in paths if path in before or self._is_vital(path)]

    def rest(self, folder: Path, names: Sequence[str], alone: Sequence[str]) -> list[str]:
        """Those that are looked at as one, sorted."""
        if len(alone) == len(names):
            return []
        others = frozenset(names).difference(alone)
        return sorted(name for name in others if not self._passes(folder / name))


def digest_of(folder: Path, names: Iterable[str]) -> bytes:
    """What changes with every file and folder of these names in ``folder``, and below them.

    By their stamps: ctime is the kernel's alone. No file is read, no link followed.
    """
    looks: list[str] = []
    waiting = [f"{folder}/{name}" for name in names]
    while waiting:
        path = waiting.pop()
        try:
            found = os.lstat(path)
            if stat.S_ISDIR(found.st_mode):  # its size and times say only that something in it did
                waiting += [f"{path}/{name}" for name in sorted(os.listdir(path))]  # noqa: PTH208
                looks.append(f"{path}\0{found.st_mode}")
                continue
            stamp = f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns} {found.st_ino}"
            looks.append(f"{path}\0{found.st_mode} {stamp}")
        except OSError as error:
            looks.append(f"{path}\0{error.errno}")
    return sha256(os.fsencode("\0\0".join(looks))).digest()
