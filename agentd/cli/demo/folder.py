"""The folder of a demonstration that is left."""

from __future__ import annotations

from pathlib import Path

from agentd.errors import InputError

_FIX = "Name a new folder with --keep."


def make_empty(root: Path) -> None:
    """Make it, if it is not there. Raises InputError when it can't be, or is not empty."""
    try:
        root.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        told = f"{root}: no folder can be made there: a file is in the way"
        raise InputError(told, fix=_FIX) from error
    if any(root.iterdir()):
        raise InputError(f"{root} is not empty", fix=_FIX)
