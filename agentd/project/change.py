"""A change as an object: what lies in its folder is read once."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from agentd.errors import StateError
from agentd.files import FileStamp, file_stamp, files_below
from agentd.project.layout import STATE_FILE, Project

if TYPE_CHECKING:
    from agentd.ledger.state import State
    from agentd.ledger.store import StateStore
    from agentd.project.workspace import Workspace

_FOLDERS = ("specs", "merged")
DELETED = "delete"
"""The last action in the ledger of a change that was deleted."""


class Change:
    """A change of a project, and its folder.

    What is read of it is kept until the file is another one, agentd writes to the ledger, or
    :meth:`forget` is called, as after a run. ``archived_on`` is ``YYYYMMDD``, in OpenSpec's layout
    ``YYYY-MM-DD``; None while the change is worked on.
    """

    __slots__ = ("_state", "_texts", "_workspace", "archived_on", "folder", "id", "project")

    def __init__(
        self,
        project: Project,
        change_id: str,
        folder: Path,
        *,
        archived_on: str | None = None,
        workspace: Workspace | None = None,
    ) -> None:
        self.project = project
        self.id = change_id
        self.folder = folder
        self.archived_on = archived_on
        self._workspace = workspace
        self._state: tuple[FileStamp | None, State] | None = None
        self._texts: dict[str, tuple[FileStamp, str | None]] = {}

    def __repr__(self) -> str:
        return f"Change({self.id!r}, {str(self.folder)!r})"

    @property
    def workspace(self) -> Workspace:
        """The project with its config, read when it is first asked for. Raises ConfigError."""
        if self._workspace is None:
            from agentd.project.workspace import Workspace

            self._workspace = Workspace.of(self.project)
        return self._workspace

    @property
    def go_on(self) -> str:
        """The command that takes it further, wherever it stopped."""
        return f"agentd run {self.id}"

    @property
    def runs_dir(self) -> Path:
        """``runs/``: a folder for each run of a CLI."""
        return self.folder / "runs"

    @property
    def is_merging(self) -> bool:
        """Whether a merge into the main specs may be unfinished; loads nothing.

        False, too, where ``runs/`` is another user's: they alone can finish or undo it.
        """
        return os.path.exists(self.runs_dir / "merge")  # noqa: PTH110 - a Path raises if denied

    @property
    def is_deleted(self) -> bool:
        """Whether it is what a deletion has left: a ledger in the archive, which counts on."""
        if self.archived_on is None:
            return False
        with contextlib.suppress(StateError):
            return self.state.last_action == DELETED
        return False

    @property
    def became(self) -> str | None:
        """What became of it, "archived" or "deleted"; None while it is worked on."""
        if self.archived_on is None:
            return None
        return "deleted" if self.is_deleted else "archived"

    @property
    def ledger(self) -> StateStore:
        """STATE.yaml to write to. Drops what was read: ask anew for each write."""
        from agentd.ledger.store import StateStore

        self._state = None
        return StateStore(self.folder)

    @property
    def state(self) -> State:
        """What STATE.yaml says. Raises StateError when it can't be read."""
        stamp = file_stamp(self.folder / STATE_FILE)
        if self._state is None or stamp is None or self._state[0] != stamp:
            from agentd.ledger.reading import read_state

            self._state = (stamp, read_state(self.folder))
        return self._state[1]

    def text(self, name: str) -> str | None:
        """A document's text; None when it is not there, or is what ``validate`` refuses to read."""
        path = self.folder / name
        stamp = file_stamp(path)
        if stamp is None:
            return None
        known = self._texts.get(name)
        if known is None or known[0] != stamp:
            from agentd.project.text_file import read_text

            refused, text = read_text(path)
            known = self._texts[name] = (stamp, None if refused else text)
        return known[1]

    def documents(self, name: str) -> list[Path]:
        """The files that a name of the step table stands for, those that are there."""
        path = self.folder / name
        if name in _FOLDERS:
            return [found for found in files_below(path, ".md") if found.is_file()]
        return [path] if path.is_file() else []

    def forget(self) -> None:
        """Drop what was read: a CLI, or a person, may have changed any of it."""
        self._state = None
        self._texts.clear()
