"""A repository's folder that a run deleted or moved: found again, or what went with it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from agentd.files import write_atomic
from agentd.guard.aside import free_place, move_aside
from agentd.guard.baseline import Baseline
from agentd.guard.findings import Told
from agentd.guard.git_place import GitPlace
from agentd.guard.git_refs import GitRefs, shown_ref
from agentd.guard.git_settings import GitSettings
from agentd.guard.rules import GIT
from agentd.text import some_of

_DIGITS = 12


def moved_to(place: GitPlace, inode: int) -> Path | None:
    """Where git's folder is now, if in the working tree's top folder or in the one around it."""
    for folder in (place.top, place.top.parent):
        for entry in _inside(folder):
            found = Path(entry.path)
            is_it = entry.is_dir(follow_symlinks=False) and entry.inode() == inode
            if is_it and found != place.git_dir:
                return found
    return None


def move_back(place: GitPlace, found: Path, aside: Path) -> Told | None:
    """Move it back from within the working tree; what stands there goes into ``aside``.

    Raises OSError.
    """
    if found.parent != place.top:
        return None
    move_aside(place.git_dir, aside, Path("git"))
    found.rename(place.git_dir)
    return Told(f"Put back: .git (moved to {found.name})", GIT)


def what_went(place: GitPlace, baseline: Baseline, kept: Path, where: str) -> Iterator[Told]:
    """What was in a repository that is not there any more; its settings go into ``kept``.

    Raises OSError.
    """
    if found := moved_to(place, baseline.facts["git folder"]):
        yield Told(f"git's folder is {found} now. Move it back to {place.git_dir}", GIT)
        return
    refs = GitRefs.of(baseline.facts["git refs"])
    names = [f"{shown_ref(name)} {oid[:_DIGITS]}" for name, oid in sorted(refs.local.items())]
    names += [f"stash {oid[:_DIGITS]} ({message})" for oid, message in refs.stashes]
    if names:
        yield Told(f"With .git went what was committed there alone: {some_of(names)}", GIT)
    copied = False
    for path in sorted(GitSettings(place, baseline).kept):
        data = baseline.data(path)
        if data and path.suffix != ".sample" and path.is_relative_to(place.common):
            kept.mkdir(parents=True, exist_ok=True)
            write_atomic(free_place(kept, Path("git", path.relative_to(place.common))), data)
            copied = True
    if copied:
        yield Told(f"Its settings and hooks as they were: {where}/git/", GIT)


def _inside(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
