"""Which files of a project a step changed, with their lines, as git counts them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from agentd import git
from agentd.files import FileStamp, file_stamp, read_plain
from agentd.project.layout import Project

_MOST_BYTES = 1_000_000  # of a file that git does not know; a larger one has no lines to read


class Lines(NamedTuple):
    """How a file differs from the last commit; None where lines can't be counted."""

    added: int | None
    removed: int | None
    stamp: FileStamp | None

    def told(self) -> str:
        """``+12 -3``; "" where lines can't be counted."""
        return "" if self.added is None else f"+{self.added:,} -{self.removed or 0:,}"


def differing(project: Project) -> dict[str, Lines]:
    """The files that differ from the last commit, but agentd's; none where git can't be asked."""
    root = project.root
    try:
        diff = git.output(root, "diff", "--numstat", "-z", "--no-renames", "--relative", "HEAD")
        new = git.output(root, "ls-files", "--others", "--exclude-standard", "-z")
    except git.GitFailed:
        return {}
    found = {}
    for entry in filter(None, diff.decode(errors="replace").split("\0")):
        added, removed, name = entry.split("\t", 2)
        stamp = file_stamp(root / name)
        found[name] = Lines(_count(added), _count(removed), stamp)
    for name in filter(None, new.decode(errors="replace").split("\0")):
        found[name] = _untracked(root / name)
    own = (project.agentd_dir, project.changes_dir.parent)
    return {
        name: lines
        for name, lines in found.items()
        if not any((root / name).is_relative_to(folder) for folder in own)
    }


def changed_since(before: Mapping[str, Lines], project: Project) -> dict[str, Lines]:
    """Those that differ otherwise than before; 0 lines for one that is as committed again."""
    now = differing(project)
    back = {name: Lines(0, 0, None) for name in before if name not in now}
    changed = {name: lines for name, lines in now.items() if before.get(name) != lines}
    return dict(sorted((changed | back).items()))


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _untracked(path: Path) -> Lines:
    stamp = file_stamp(path)
    if not path.is_file() or path.is_symlink() or path.stat().st_size > _MOST_BYTES:
        return Lines(None, None, stamp)
    data = read_plain(path)
    is_text = b"\0" not in data
    count = data.count(b"\n") + (data[-1:] not in (b"", b"\n"))
    return Lines(count, 0, stamp) if is_text else Lines(None, None, stamp)
