"""The prices that count in a folder, in a project or not."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from agentd.config.model import Config
from agentd.errors import InputError
from agentd.frozen import frozen
from agentd.metering import catalog
from agentd.metering.models import ModelRegistry, ModelSpec
from agentd.metering.pricing import PriceBook
from agentd.metering.quote import Quote
from agentd.metering.unpriced import is_local
from agentd.project.layout import find_project
from agentd.project.workspace import Workspace

GENERIC = "unknown"  # a name that no model has


@frozen()
class Quoting:
    """Where prices come from, and the config they stand in; None outside a project."""

    prices: PriceBook
    config: Config | None = None

    def full_name(self, model: str) -> str:
        """The model behind an id of ``[[PROVIDER.models]]``; another name as it is."""
        for provider in self.config.providers.values() if self.config else ():
            name = provider.model_name(model)
            if name and name != model:
                return name
        return model

    def usual_model(self) -> tuple[str, str]:
        """The model that counts where none is named, and where it comes from.

        The default of the first provider that has one, else the generic estimate.
        """
        config = self.config
        for name, provider in config.providers.items() if config else ():
            if config and (model := provider.model_name()):
                return model, f"{model}, the default of [{config.row(name).section}] in config.toml"
        return GENERIC, "the generic estimate, as no project here has a default model"

    def models(self, at: datetime) -> list[tuple[ModelSpec, Quote | None]]:
        """The models of the config, then those of the catalogue, with what they cost at ``at``.

        A price of the config for a long context, ``claude-sonnet-4-5[1m]``, has a row of its own.
        """
        found: dict[str, tuple[ModelSpec, Quote | None]] = {}
        for name in (*self._configured(), *catalog.listed(at)):
            spec = ModelRegistry.resolve(name)
            if name.endswith("[1m]"):
                spec = replace(spec, name=f"{spec.name}[1m]")
            if spec.name not in found:
                found[spec.name] = (spec, self.prices.quote(spec.name, at=at))
        return list(found.values())

    def ids(self) -> dict[str, str]:
        """The ids of ``[[PROVIDER.models]]`` with the models behind them."""
        providers = self.config.providers.values() if self.config else ()
        ids = [entry.id for provider in providers for entry in provider.models if entry.id]
        return {name: self.full_name(name) for name in ids}

    def _configured(self) -> list[str]:
        if self.config is None:
            return []
        entries = [entry for one in self.config.providers.values() for entry in one.models]
        return [*self.config.model_prices(), *(entry.model for entry in entries)]

    def advice(self, model: str) -> str:
        """What to do about a model without a price."""
        if is_local(model):
            return "By its name it runs on your own machine, where it costs nothing."
        own = f'Give it one in agentd/config.toml: [pricing.models."{model}"].'
        if self.config and "catalog" not in self.config.pricing.sources:
            return f'{own} Or add "catalog" to sources in [pricing].'
        return own


def open_prices(start: Path) -> Quoting:
    """The prices of the project around ``start``, the catalogue's outside of one.

    Raises ConfigError for a config with a wrong value.
    """
    try:
        find_project(start)
    except InputError:
        return Quoting(PriceBook(config={}, sources=("catalog",)))
    workspace = Workspace.open(start)
    return Quoting(workspace.prices, workspace.config)
