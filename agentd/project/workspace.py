"""The project a command works in: its places, its config, its prices."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from agentd.config.load import load, shown_path
from agentd.config.model import Config
from agentd.frozen import frozen
from agentd.metering.pricing import PriceBook
from agentd.min_version import require
from agentd.project.layout import Project, find_project
from agentd.providers import maker_of


@frozen(slots=False)
class Workspace:
    """A project with its config read."""

    project: Project
    config: Config

    @classmethod
    def open(cls, start: Path) -> Workspace:
        """The project around ``start``. Raises InputError or ConfigError."""
        return cls.of(find_project(start))

    @classmethod
    def of(cls, project: Project) -> Workspace:
        """A project with its config read now. Raises ConfigError."""
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

    def environ_of(self, provider: str) -> Mapping[str, str]:
        """The variables that reach a provider's CLI, before those that a run adds."""
        settings = self.config.providers.get(provider)
        return settings.reaching(os.environ) if settings else os.environ

    def maker_of(self, provider: str | None) -> str | None:
        """Who makes the models of a provider; "" when nobody knows, None without a provider."""
        named = provider is not None and provider in self.config.named()
        return self.config.row(provider).maker if provider and named else maker_of(provider)

    def prices_of(self, provider: str | None) -> PriceBook:
        """Where calls of a provider get their prices."""
        server = self.config.http.get(provider or "")
        if server is not None:
            return self.prices.of_server(local=server.is_local, billed=server.is_billed)
        if provider is not None and provider in self.config.named():
            return self.prices.of_maker(self.maker_of(provider) or "")
        return self.prices

    @cached_property
    def prices(self) -> PriceBook:
        """Where calls of this project get their prices."""
        return PriceBook(config=self.config.model_prices(), sources=self.config.pricing.sources)
