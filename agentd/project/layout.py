"""A project on disk: where its files lie."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

from agentd import debug
from agentd.errors import InputError
from agentd.files import files_below, read_plain
from agentd.frozen import frozen
from agentd.late_pattern import late_pattern

STATE_FILE = "STATE.yaml"
CHANGELOG = "CHANGELOG.md"
LAYOUTS = ("agentd", "openspec")
CHANGE_ID = late_pattern(r"[a-z0-9][a-z0-9-]{0,63}")
_DATED = late_pattern(r"\d{4}-\d{2}-\d{2}-[a-z0-9]")


@frozen()
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
        """The folder that a change archived now moves to.

        With OpenSpec an id that begins with a date keeps that one, as it does there.
        """
        if self.layout == "openspec":
            name = change_id if _DATED.match(change_id) else f"{now:%Y-%m-%d}-{change_id}"
        else:
            name = f"{now:%Y%m%d}-{change_id}"
        return self.archive_dir / name

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
        check_no_link(self.root, self.changes_dir, folder)
        return folder

    def shown(self, path: Path) -> str:
        """A path as the user sees it: relative to the project's root, if it lies there."""
        return str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)


def check_no_link(root: Path, *paths: Path) -> None:
    """Raises InputError where one of these paths below ``root`` is a symbolic link."""
    for path in paths:
        if path.is_symlink():
            raise InputError(
                f"{path.relative_to(root)} is a symbolic link",
                fix="Put a real folder in its place; agentd writes nothing through links.",
            )


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
    text = read_plain(config) if config.is_file() else b""
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
    return "agentd" if in_use or files_below(own / "specs", ".md") else "openspec"


def check_change_id(text: str) -> str:
    """``text`` if it is a change id (1 to 64 of a-z, 0-9 and -). Raises InputError otherwise."""
    if CHANGE_ID.fullmatch(text):
        return text
    import unicodedata

    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    suggestion = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].rstrip("-") or "add-oauth"
    raise InputError(
        f"{text[:80]!r} is no change id; expected 1 to 64 of a-z, 0-9 and -, not starting with -",
        fix=f"Use an id such as {suggestion}.",
    )
