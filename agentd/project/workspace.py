"""The project a command works in: its places, its config, its prices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from agentd.config.load import load, shown_path
from agentd.config.model import Config
from agentd.errors import InputError
from agentd.metering.pricing import PriceBook
from agentd.min_version import require
from agentd.project.layout import Project, find_project


@dataclass(frozen=True)
class Workspace:
    """A project with its config read."""

    project: Project
    config: Config

    @classmethod
    def open(cls, start: Path) -> Workspace:
        """The project around ``start``. Raises InputError or ConfigError."""
        project = find_project(start)
        return cls(project, load(project.config_path))

    @classmethod
    def open_to_write(cls, start: Path) -> Workspace:
        """The same for a command that spends or writes.

        Raises ConfigError as well when this agentd is older than ``min_version``.
        """
        workspace = cls.open(start)
        config = workspace.config
        require(Path(shown_path(config.path)), config.min_version)
        return workspace

    @cached_property
    def prices(self) -> PriceBook:
        """Where calls of this project get their prices."""
        return PriceBook(config=self.config.model_prices(), sources=self.config.pricing.sources)

    def active_change(self, change_id: str) -> Path:
        """The folder of a change that is worked on. Raises InputError when there is none."""
        change = self.project.find_change(change_id)
        if change.archived_on:
            raise InputError(
                f"change {change_id} is archived since {change.archived_on}",
                fix='Start a new one: agentd proposal ID "DESCRIPTION"',
            )
        return change.path

    def shown(self, path: Path) -> str:
        """A path as the user sees it: relative to the project's root, if it lies there."""
        root = self.project.root
        return str(path.relative_to(root) if path.is_relative_to(root) else path)
