"""Changes by their folders, wherever they lie."""

from __future__ import annotations

from pathlib import Path

from agentd.project.change import Change
from agentd.project.layout import Project


def change_at(folder: Path, change_id: str | None = None, archived_on: str | None = None) -> Change:
    """The change in ``folder``; of a project in the usual layout when it lies in one."""
    root = next((path.parent for path in folder.parents if path.name == "agentd"), folder.parent)
    return Change(Project(root), change_id or folder.name, folder, archived_on=archived_on)
