"""A person's files that a run deleted, reverted or edited: brought back, or a copy kept."""

from __future__ import annotations

import os
from pathlib import Path

from agentd.files import write_atomic
from agentd.guard.aside import free_place
from agentd.guard.baseline import Baseline
from agentd.guard.findings import Told
from agentd.guard.lost_files import Loss
from agentd.guard.rules import LOSSES
from agentd.guard.tree import look_at
from agentd.text import some_of


def bring_back(
    losses: list[Loss], *, top: Path, root: Path | None, kept: Path, where: str, baseline: Baseline
) -> tuple[list[Told], bool]:
    """Bring back what vanished or was reverted below ``root``; nothing new is written over.

    Of what was edited, and of what lies outside ``root``, the file as it was goes into the folder
    ``kept``, which is called ``where``. Without a ``root`` nothing is brought back.
    Returns what to tell, and whether all could be written.
    """
    back: dict[str, list[str]] = {}
    copied: dict[str, list[str]] = {}
    lost: list[str] = []
    failed: list[str] = []
    for loss in losses:
        path = top / loss.path
        data = baseline.data(path)
        try:
            if _is_below(path, root) and loss.is_kept and _restore(path, loss, data):
                back.setdefault(loss.what, []).append(loss.path)
            elif data is not None:
                kept.mkdir(parents=True, exist_ok=True)
                write_atomic(free_place(kept, Path(loss.path)), data)
                copied.setdefault(loss.what, []).append(loss.path)
            else:
                lost.append(f"{loss.path} ({loss.what})")
        except OSError as error:  # a full disk
            failed.append(f"{loss.path} ({loss.what}): {error.strerror}")
    told = [
        Told(f"Brought back, {what} by the step: {some_of(sorted(paths))}", LOSSES)
        for what, paths in back.items()
    ]
    for what, paths in copied.items():
        text = f"Uncommitted or ignored files that the step {what}: {some_of(sorted(paths))}."
        rule = LOSSES if what != "edited" else ""
        told.append(Told(f"{text} As they were: {where}/", rule))
    if lost:
        text = f"Uncommitted or ignored files of which agentd kept no copy: {some_of(sorted(lost))}"
        told.append(Told(text, LOSSES))
    if failed:
        text = f"Not brought back, the next agentd command tries again: {some_of(sorted(failed))}"
        told.append(Told(text, LOSSES))
    return told, not failed


def _restore(path: Path, loss: Loss, data: bytes | None) -> bool:
    """Whether the file is what it was again; not through links, and not over a folder."""
    if loss.what == "edited" or any(above.is_symlink() for above in path.parents):
        return False
    if path.is_dir():
        return False
    if loss.what == "deleted" and os.path.lexists(path):
        return False
    if loss.what == "reverted" and (now := look_at(path)) is not None and now.kind != "file":
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        return False
    if data is None:
        path.symlink_to(os.fsdecode(loss.look.digest or b""))
    else:
        write_atomic(path, data)
        path.chmod(loss.look.mode)
    return True


def _is_below(path: Path, root: Path | None) -> bool:
    return root is not None and path.is_relative_to(root)
