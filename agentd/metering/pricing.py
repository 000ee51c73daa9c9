"""What a call costs: each of its models, at the first source that knows a price for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from agentd.frozen import frozen
from agentd.metering.call import PricedModel
from agentd.metering.makers import provider_of
from agentd.metering.models import ModelRegistry, resolve_alias
from agentd.metering.names import family, forms, undated
from agentd.metering.rates import PricingConfig
from agentd.metering.unpriced import is_unpriced
from agentd.metering.usage import ModelUsage, UsageMetrics, add, subtract
from agentd.metering.words import CostSource

if TYPE_CHECKING:  # loaded where the catalogue is asked
    from agentd.metering.catalog import CatalogPrice
    from agentd.metering.quote import Quote

SOURCES: tuple[CostSource, ...] = ("config", "reported", "catalog")

Catalog = Callable[[str, str | None, datetime], "CatalogPrice | None"]
"""From a model, its maker and a time to the prices."""


@frozen(kw_only=True)
class PricedCall:
    """A call's price; ``cost_source`` is that of its costliest part, "none" when no part has one.

    ``models`` is empty unless several models answered. ``unpriced``: tokens were used that no
    source has a price for, so ``cost_usd`` is too low.
    """

    cost_usd: Decimal
    cost_source: CostSource
    models: tuple[PricedModel, ...]
    unpriced: bool


class PriceBook:
    """Where the prices of one project come from.

    ``config`` is keyed by model name: a full name, one with or without a date, or an alias of
    claude. ``sources`` are asked in order. ``catalog`` stands for the bundled catalogue, which is
    loaded only when it is asked. Raises ValueError for an unknown source.
    """

    def __init__(
        self,
        *,
        config: Mapping[str, PricingConfig],
        sources: Sequence[str] = ("config",),
        catalog: Catalog | None = None,
    ) -> None:
        self._catalog = catalog or _in_catalog
        if unknown := [source for source in sources if source not in SOURCES]:
            raise ValueError(f"unknown price source {unknown[0]!r}; expected {', '.join(SOURCES)}")
        self._sources = [known for name in sources for known in SOURCES if known == name]
        self._config = {model.strip().lower(): prices for model, prices in config.items()}
        # One model is written in several ways: meta-llama/Llama-3-70B, meta/llama-3-70b.
        self._canonical = {
            ModelRegistry.resolve(model).name: prices
            for model, prices in self._config.items()
            if not model.endswith("[1m]")
        }
        # A price given for one dated snapshot also counts for the bare name; the newest date wins.
        by_date = sorted(self._config.items())
        self._undated = {name: prices for model, prices in by_date if (name := undated(model))}

    def price(
        self, usage: UsageMetrics, *, maker: str | None, model: str, at: datetime
    ) -> PricedCall:
        """Price a run that started at ``at``; what ``usage`` names no model for is ``model``'s.

        ``maker`` is who makes its models, None where each model's name has to tell.
        """
        parts = _parts(usage, model)
        priced = tuple(
            self._price_part(
                name, part, _requests(usage, name, part, sole=len(parts) == 1), maker, at
            )
            for name, part in parts.items()
        )
        known = [part for part in priced if part.cost_source != "none"]
        return PricedCall(
            cost_usd=sum((part.cost_usd for part in known), Decimal(0)),
            cost_source=max(known, key=lambda part: part.cost_usd).cost_source if known else "none",
            models=priced if len(priced) > 1 else (),
            unpriced=any(
                is_unpriced(part.model, part.cost_source, part.usage.total_tokens)
                for part in priced
            ),
        )

    def knows(
        self, model: str, *, maker: str | None, at: datetime, reports_costs: bool = False
    ) -> CostSource:
        """The source that would price ``model``, "none" if none would.

        ``reports_costs``: the CLI has figures of its own; they are real for its maker's models.
        """
        for source in self._sources:
            match source:
                case "config":
                    found = self.configured(model, maker) is not None
                case "reported":
                    full_name = resolve_alias(model, maker)
                    found = reports_costs and provider_of(full_name) == maker
                case _:
                    found = self._catalog(model, maker, at) is not None
            if found:
                return source
        return "none"

    def handed_over(self, model: str, *, maker: str, at: datetime) -> PriceBook:
        """The same prices, to be pickled for a process that runs ``model`` and others of its maker.

        It doesn't load the catalogue for them; nor does this one, where the config prices
        ``model``: then the other does, when it meets a model that has no price in the config.
        """
        from agentd.metering.price_table import PriceTable

        own = "config" in self._sources and self.configured(model, maker) is not None
        asked = "catalog" in self._sources and not own
        table = PriceTable.of(maker, at) if asked else PriceTable(prices={})
        return PriceBook(config=self._config, sources=self._sources, catalog=table.lookup)

    def quote(self, model: str, *, at: datetime) -> Quote | None:
        """The prices for ``model`` at ``at``, None when no source has any.

        ``reported`` is skipped: it knows costs of calls, not prices.
        """
        from agentd.metering.catalog import CatalogPrice
        from agentd.metering.quote import Quote

        for source in self._sources:
            price = None
            if source == "config" and (rates := self.configured(model, None)):
                price = CatalogPrice(model_id=model, base=rates)
            elif source == "catalog":
                price = self._catalog(model, None, at)
            if price:
                return Quote(source=source, price=price)
        return None

    def _price_part(
        self,
        model: str,
        usage: ModelUsage,
        requests: Sequence[ModelUsage],
        maker: str | None,
        at: datetime,
    ) -> PricedModel:
        for source in self._sources:
            match source:
                case "config":
                    rates = self.configured(model, maker)
                    cost = rates.cost_usd(usage) if rates else None
                case "reported":
                    cost = usage.reported_cost_usd
                case _:
                    price = self._catalog(model, maker, at)
                    cost = _catalog_cost(price, usage, requests) if price else None
            if cost is not None:
                return PricedModel(model=model, usage=usage, cost_usd=cost, cost_source=source)
        return PricedModel(model=model, usage=usage, cost_usd=Decimal(0), cost_source="none")

    def configured(self, model: str, maker: str | None) -> PricingConfig | None:
        """The config's price for ``model``, whatever the sources; None when it has none.

        Of several keys that fit the one counts that says most: a full name before its parts.
        """
        if not self._config:
            return None
        for asked in dict.fromkeys((model, resolve_alias(model, maker))):
            names = forms(asked)
            if found := next((name for name in names if name in self._config), None):
                return self._config[found]
            found = next((name for name in names if name in self._undated), None)
            if found and not undated(asked):
                return self._undated[found]
        same = self._canonical.get(ModelRegistry.resolve(model).name)
        return same or self._config.get(family(model) or "")


def _parts(usage: UsageMetrics, model: str) -> dict[str, ModelUsage]:
    """The usage by model; what no model is named for stands under ``model``."""
    parts = dict(usage.by_model)
    rest = subtract(usage, add(parts.values()))
    if parts:
        rest = replace(rest, reported_cost_usd=None)  # the CLI's figures are for models it names
    if not parts or any(rest.counts()):
        parts[model] = add([parts[model], rest]) if model in parts else rest
    (name, sole), *others = parts.items()
    if not others and sole.reported_cost_usd is None:
        parts[name] = replace(sole, reported_cost_usd=usage.reported_cost_usd)
    return parts


def _requests(usage: UsageMetrics, model: str, part: ModelUsage, *, sole: bool) -> list[ModelUsage]:
    """The single API requests of one model, if they are all known: they add up to its usage."""
    own = [request for name, request in usage.requests if name == model or (sole and not name)]
    return own if add(own).counts() == part.counts() else []


def _in_catalog(model: str, maker: str | None, at: datetime) -> CatalogPrice | None:
    from agentd.metering.quote import in_catalog

    return in_catalog(model, maker, at)


def _catalog_cost(
    price: CatalogPrice, usage: ModelUsage, requests: Sequence[ModelUsage]
) -> Decimal:
    """Request by request where they are known, else at the base price.

    A run is many requests: that their sum passes a tier's threshold doesn't say that one did.
    """
    if not requests:
        return price.base.cost_usd(usage)
    costs = (price.for_request(request.input_tokens).cost_usd(request) for request in requests)
    return sum(costs, Decimal(0))
