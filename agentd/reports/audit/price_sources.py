"""A project's prices to recompute calls by: of each source by itself, and of their time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, get_args

from agentd.config.load import parse
from agentd.config.model import Config, PriceSource
from agentd.errors import ConfigError
from agentd.git import GitFailed, output
from agentd.metering.call import CallRecord, PricedModel
from agentd.metering.catalog import CatalogPrice
from agentd.metering.pricing import PriceBook
from agentd.metering.quote import in_catalog
from agentd.metering.usage import UsageMetrics
from agentd.metering.variants import Variants
from agentd.project.layout import Project
from agentd.project.workspace import Workspace

_ANY_DAY = datetime(2000, 1, 1, tzinfo=UTC)  # prices in config.toml have no date


class ConfigVersion(NamedTuple):
    """A version of config.toml and the day of its commit, ``2026-11-22``."""

    committed_on: str
    config: Config


class SourcePrices:
    """A project's prices, one source at a time; those of the catalogue by model and day."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace, self._maker_of = workspace, workspace.maker_of
        self._books: dict[PriceSource, PriceBook] = {
            source: _book(workspace, workspace.config, source) for source in get_args(PriceSource)
        }
        self._of_day: dict[tuple[str, Variants, str | None, date], CatalogPrice | None] = {}

    def configured(self, part: PricedModel, provider: str | None) -> Decimal | None:
        """The cost by today's config.toml; None when it has no price for the model."""
        return _cost(self._books["config"], part, self._maker_of(provider))

    def earlier(
        self, part: PricedModel, provider: str | None
    ) -> Iterator[tuple[ConfigVersion, Decimal]]:
        """The costs by the committed versions of config.toml, the newest first."""
        for version, book in self._versions:
            cost_usd = _cost(book, part, self._maker_of(provider))
            if cost_usd is not None:
                yield version, cost_usd

    def catalogued(
        self, part: PricedModel, provider: str | None, at: datetime
    ) -> CatalogPrice | None:
        """The catalogue's prices of that day: they change at midnight UTC."""
        variants = part.usage.variants
        key = (part.model, variants, provider, at.astimezone(UTC).date())
        if key not in self._of_day:
            self._of_day[key] = in_catalog(part.model, self._maker_of(provider), at, variants)
        return self._of_day[key]

    def of_run(
        self, source: PriceSource, call: CallRecord, usage: UsageMetrics
    ) -> Mapping[tuple[str, Variants], Decimal]:
        """What a run's own usage costs by one source, by model and variants."""
        at = call.started_at or _ANY_DAY
        maker = self._maker_of(call.provider)
        priced = self._books[source].price(usage, maker=maker, model=call.model, at=at)
        if priced.models:
            return {
                (part.model, part.usage.variants): part.cost_usd
                for part in priced.models
                if part.cost_source != "none"
            }
        name = next(iter(usage.by_model), call.model)
        return {} if priced.cost_source == "none" else {(name, priced.variants): priced.cost_usd}

    def known_now(self, part: PricedModel, call: CallRecord) -> str | None:
        """The source of the project's config that has a price for it by now."""
        for source in self._workspace.config.pricing.sources:
            if source == "config" and self.configured(part, call.provider) is not None:
                return source
            at = call.started_at
            if source == "catalog" and at and self.catalogued(part, call.provider, at):
                return source
        return None

    @cached_property
    def _versions(self) -> list[tuple[ConfigVersion, PriceBook]]:
        return [
            (version, _book(self._workspace, version.config, "config"))
            for version in _config_versions(self._workspace.project)
        ]


def _book(workspace: Workspace, config: Config, source: PriceSource) -> PriceBook:
    only = replace(config, pricing=replace(config.pricing, sources=(source,)))
    return Workspace(workspace.project, only).prices


def _cost(book: PriceBook, part: PricedModel, maker: str | None) -> Decimal | None:
    price = book.own_price(part.model, maker, part.usage.variants)
    return price.base.cost_usd(part.usage) if price else None


def _config_versions(project: Project) -> Iterator[ConfigVersion]:
    """The versions that git has of config.toml, the newest first; none without git.

    One that can't be read is left out: it gave no call its price.
    """
    name = project.config_path.relative_to(project.root).as_posix()
    log = _git(project.root, "log", "--format=%H %cs", "--", name)
    for line in log.decode("ascii", "replace").splitlines():
        commit, _, day = line.partition(" ")
        text = _git(project.root, "show", f"{commit}:./{name}")
        try:
            yield ConfigVersion(day, parse(text.decode("utf-8-sig"), project.config_path))
        except (ConfigError, UnicodeDecodeError):
            continue


def _git(root: Path, *arguments: str) -> bytes:
    """What git prints; nothing when it fails, as outside a repository."""
    try:
        return output(root, *arguments)
    except GitFailed:
        return b""
