"""A project on disk: its places, and its changes by id."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from agentd import debug
from agentd.errors import InputError

if TYPE_CHECKING:
    from agentd.ledger.rows import Ledger

STATE_FILE = "STATE.yaml"
LAYOUTS = ("agentd", "openspec")
_CHANGE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_ARCHIVED = re.compile(r"(\d{8}|\d{4}-\d{2}-\d{2})-([a-z0-9][a-z0-9-]{0,63})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change and its folder.

    ``archived_on`` is ``YYYYMMDD``, in OpenSpec's layout ``YYYY-MM-DD``; None while it is worked
    on.
    """

    id: str
    path: Path
    archived_on: str | None = None


@dataclass(frozen=True, slots=True)
class Project:
    """The project at ``root``, an absolute path.

    ``layout`` says where specs and changes lie: ``agentd`` below ``agentd/``, ``openspec`` where
    OpenSpec has them, below ``openspec/``.
    """

    root: Path
    layout: str = "agentd"

    @property
    def agentd_dir(self) -> Path:
        """``agentd/``."""
        return self.root / "agentd"

    @property
    def running_dir(self) -> Path:
        """``agentd/.running/``: what calls that run now have set aside of the budget."""
        return self.agentd_dir / ".running"

    @property
    def config_path(self) -> Path:
        """``agentd/config.toml``."""
        return self.agentd_dir / "config.toml"

    @property
    def specs_dir(self) -> Path:
        """``agentd/specs/``, ``openspec/specs/``."""
        return self.root / self.layout / "specs"

    @property
    def spec_file(self) -> str:
        """How a capability's spec is called in this layout, below ``specs/``."""
        return "<capability>.md" if self.layout == "agentd" else "<capability>/spec.md"

    @property
    def changes_dir(self) -> Path:
        """``agentd/changes/``, ``openspec/changes/``."""
        return self.root / self.layout / "changes"

    @property
    def archive_dir(self) -> Path:
        """``agentd/archive/``, ``openspec/changes/archive/``."""
        home = self.agentd_dir if self.layout == "agentd" else self.changes_dir
        return home / "archive"

    def archived_dir(self, change_id: str, now: datetime) -> Path:
        """The folder that a change archived now moves to."""
        day = "%Y%m%d" if self.layout == "agentd" else "%Y-%m-%d"
        return self.archive_dir / f"{now.strftime(day)}-{change_id}"

    def change_dir(self, change_id: str) -> Path:
        """The folder of a change, there or not.

        Raises InputError for a bad id, for that of the archive, and when the folder, or the one it
        lies in, is a symbolic link: what is written there would land elsewhere.
        """
        folder = self.changes_dir / check_change_id(change_id)
        if folder == self.archive_dir:
            raise InputError(
                f"{change_id} is no id for a change: archived changes lie in "
                f"{folder.relative_to(self.root)}",
                fix="Take another id.",
            )
        for part in (self.changes_dir, folder):
            if part.is_symlink():
                raise InputError(
                    f"{part.relative_to(self.root)} is a symbolic link",
                    fix="Put a real folder in its place; agentd writes nothing through links.",
                )
        return folder

    def changes(self) -> list[Change]:
        """The changes that are worked on, by id."""
        return [
            Change(id=folder.name, path=folder)
            for folder in _folders(self.changes_dir)
            if _CHANGE_ID.fullmatch(folder.name) and folder != self.archive_dir
        ]

    def archived(self) -> list[Change]:
        """The archived changes (``YYYYMMDD-ID``), oldest first, then by id."""
        return [
            Change(id=match[2], path=folder, archived_on=match[1])
            for folder in _folders(self.archive_dir)
            if (match := _ARCHIVED.fullmatch(folder.name))
        ]

    def find_change(self, change_id: str) -> Change:
        """The change with this id: the one worked on, else the one archived last.

        Raises InputError for a bad id and when there is none.
        """
        folder = self.change_dir(change_id)
        if folder.is_dir():
            return Change(id=change_id, path=folder)
        archived = [change for change in self.archived() if change.id == change_id]
        if archived:
            return archived[-1]
        raise InputError(
            f"there is no change {change_id} in {self.changes_dir.relative_to(self.root)}",
            fix=self._nearest(change_id),
        )

    def latest_change(self) -> Change | None:
        """The change worked on last, archived or not: the one whose STATE.yaml is newest.

        Changes without one come last; a tie goes to the name that sorts last.
        """
        every = [*self.archived(), *self.changes()]
        return max(every, key=lambda change: (_state_time_ns(change), change.id), default=None)

    def _nearest(self, change_id: str) -> str:
        import difflib

        ids = [change.id for change in (*self.changes(), *self.archived())]
        near = difflib.get_close_matches(change_id, ids, n=1)
        if near:
            return f"Did you mean {near[0]}? `agentd list` shows all."
        return (
            f'Start it with `agentd proposal {change_id} "DESCRIPTION"`; `agentd list` shows all.'
        )


def ledger_of(change: Change) -> Ledger:
    """The ledger of a change."""
    from agentd.ledger.rows import Ledger  # `agentd status` needs only the other one

    return Ledger(change.id, change.path, change.archived_on)


def find_project(start: Path) -> Project:
    """The project around ``start``: the nearest folder upwards with an ``agentd/config.toml``.

    Raises InputError when there is none, or no folder ``start``.
    """
    folder = start.absolute()
    if not folder.is_dir():
        raise InputError(f"{start}: no such folder")
    for root in (folder, *folder.parents):
        if (root / "agentd" / "config.toml").is_file():
            debug.tell(f"project: {root}")
            return Project(root, find_layout(root))
    raise InputError(
        f"no agentd project here: neither {folder} nor a folder above it has agentd/config.toml",
        fix="Run `agentd init` in your project's folder.",
    )


def find_layout(root: Path) -> str:
    """``[paths] layout`` of the config; without one, OpenSpec's where only that is in use.

    agentd's own is in use where there are changes or specs below ``agentd/``.
    """
    config = root / "agentd" / "config.toml"
    text = config.read_bytes() if config.is_file() else b""
    if re.search(rb"(?m)^[^#\n]*layout", text):  # not in a comment: tomllib takes 5 ms to load
        import tomllib

        try:
            paths = tomllib.loads(text.decode("utf-8-sig")).get("paths", {})
        except ValueError:
            paths = {}  # the config's reader tells what is wrong with it
        if isinstance(paths, dict) and paths.get("layout") in LAYOUTS:
            return str(paths["layout"])
    if not any((root / "openspec" / name).is_dir() for name in ("specs", "changes")):
        return "agentd"
    own = root / "agentd"
    in_use = any((own / name).is_dir() for name in ("changes", "archive"))
    return "agentd" if in_use or any((own / "specs").rglob("*.md")) else "openspec"


def check_change_id(text: str) -> str:
    """``text`` if it is a change id (1 to 64 of a-z, 0-9 and -). Raises InputError otherwise."""
    if _CHANGE_ID.fullmatch(text):
        return text
    import unicodedata

    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    suggestion = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].rstrip("-") or "add-oauth"
    raise InputError(
        f"{text[:80]!r} is no change id; expected 1 to 64 of a-z, 0-9 and -, not starting with -",
        fix=f"Use an id such as {suggestion}.",
    )


def _folders(parent: Path) -> list[Path]:
    if parent.is_symlink() or not parent.is_dir():
        return []
    with os.scandir(parent) as entries:
        names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    return [parent / name for name in sorted(names)]


def _state_time_ns(change: Change) -> int:
    try:
        return (change.path / STATE_FILE).lstat().st_mtime_ns
    except FileNotFoundError:
        return 0
