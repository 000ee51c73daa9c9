"""A project's files where git can't be asked, or ignores the project."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agentd.guard.baseline import Baseline
from agentd.guard.tree import is_judged, look_at


class PlainTree:
    """The files below ``root``, kept in a baseline, but for what tools left and for ``skip``."""

    def __init__(self, root: Path, skip: Callable[[str], bool], baseline: Baseline) -> None:
        self._root = root
        self._skip = skip
        self._baseline = baseline

    def keep(self) -> None:
        """Keep how they look now."""
        self._baseline.keep_bytes("tree", json.dumps(self._looks()).encode())

    def changed(self) -> list[Path]:
        """The files that changed since, sorted."""
        before = json.loads(self._baseline.kept_bytes("tree") or b"{}")
        now = self._looks()
        names = (name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
        return sorted(self._root / name for name in names)

    def _looks(self) -> dict[str, list[Any]]:
        root, looks = os.fspath(self._root), {}
        for path in self._walk(root, ""):
            look = look_at(f"{root}/{path}", hash_up_to=-1)
            if look is not None:  # a link has its target, a file its stamp
                looks[path] = [*look.stamp, look.digest.hex() if look.digest else None]
        return looks

    def _walk(self, root: str, folder: str) -> Iterator[str]:
        try:
            entries = list(os.scandir(f"{root}/{folder}"))
        except (FileNotFoundError, PermissionError):
            return
        for entry in entries:
            path = f"{folder}{entry.name}"
            if not is_judged(entry.name) or self._skip(path):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from self._walk(root, f"{path}/")
            else:
                yield path
