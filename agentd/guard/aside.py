"""Where what must not stay goes: under its own name, or a free one beside it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def free_name(target: Path) -> Path:
    """``target``, or with as many ``.1`` behind it as it takes until nothing is there."""
    while os.path.lexists(target):
        target = target.with_name(f"{target.name}.1")
    return target


def move_aside(path: Path, target: Path) -> None:
    """Move what is at ``path``, if anything, to the free name for ``target``. Raises OSError."""
    if os.path.lexists(path):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, free_name(target))
