"""A project's files where git can't be asked, or ignores the project."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agentd.digests import sha256
from agentd.files import read_plain
from agentd.guard.baseline import Baseline
from agentd.guard.tree import is_judged, look_at, without_added_schema
from agentd.late_pattern import late_pattern

# Where agents have settings of a project: these alone are hashed.
_SETTINGS = late_pattern(r"(\.[^/]+/)?[^/]+\.jsonc?", re.IGNORECASE)
_MOST_BYTES = 1 << 17


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

    def only_names_its_schema(self, path: Path) -> bool:
        """Whether all that changed in a file of settings is that it has a ``$schema`` now."""
        before = json.loads(self._baseline.kept_bytes("tree") or b"{}")
        digest = before.get(os.path.relpath(path, self._root), [None])[-1]
        look = look_at(path, hash_up_to=-1)
        if digest is None or look is None or look.kind != "file" or look.size > 2 * _MOST_BYTES:
            return False
        earlier = without_added_schema(read_plain(path))
        return earlier is not None and sha256(earlier).hexdigest() == digest

    def _looks(self) -> dict[str, list[Any]]:
        root, looks = os.fspath(self._root), {}
        for path in self._walk(root, ""):
            most = _MOST_BYTES if _SETTINGS.fullmatch(path) else -1
            look = look_at(f"{root}/{path}", hash_up_to=most)
            if look is not None:  # a link has its target, others their stamp
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
