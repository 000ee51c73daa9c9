"""Where what must not stay goes: under its own name, or a free one beside it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path


def free_name(target: Path) -> Path:
    """``target``, or with as many ``.1`` behind it as it takes until nothing is there."""
    for taken in taken_names(target):
        target = taken.with_name(f"{taken.name}.1")
    return target


def taken_names(target: Path) -> Iterator[Path]:
    """What is there under the names before the :func:`free_name`."""
    while os.path.lexists(target):
        yield target
        target = target.with_name(f"{target.name}.1")


def free_place(aside: Path, name: Path) -> Path:
    """A path in ``aside`` where nothing is, called ``name`` if that is free; its folder is made.

    No folder in there is a link: who left one there is not followed. Raises OSError.
    """
    target = aside
    for part in name.parent.parts:
        target = target / part
        while os.path.lexists(target) and not is_folder(target):
            target = target.with_name(f"{target.name}.1")
        target.mkdir(exist_ok=True)
    return free_name(target / name.name)


def move_aside(path: Path, aside: Path, name: Path) -> None:
    """Move what is at ``path``, if anything, to the :func:`free_place` for it. Raises OSError."""
    if os.path.lexists(path):
        aside.mkdir(parents=True, exist_ok=True)
        shutil.move(path, free_place(aside, name))


def is_folder(path: Path) -> bool:
    """Whether it is a folder itself, not a link to one."""
    return path.is_dir() and not path.is_symlink()
