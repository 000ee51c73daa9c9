"""What a call costs: each of its models, at the first source that knows a price for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from agentd.frozen import frozen
from agentd.metering.call import PricedModel
from agentd.metering.makers import provider_of
from agentd.metering.models import ModelRegistry, resolve_alias
from agentd.metering.money import near, without_float_noise
from agentd.metering.names import family, forms, undated
from agentd.metering.partial import NO_PRICE
from agentd.metering.parts import ModelParts, parts_of
from agentd.metering.rates import PricingConfig
from agentd.metering.unpriced import is_unpriced
from agentd.metering.usage import UsageMetrics, add
from agentd.metering.variants import Variants
from agentd.metering.words import CostSource

if TYPE_CHECKING:  # loaded where the catalogue is asked
    from agentd.metering.catalog import CatalogPrice
    from agentd.metering.quote import Quote

SOURCES: tuple[CostSource, ...] = ("config", "reported", "catalog")
_LONG_CONTEXT = "[1m]"
_LONG_CONTEXT_ABOVE = 200_000  # what a request without claude's long context can't go beyond

Catalog = Callable[[str, str | None, datetime, Variants], "CatalogPrice | None"]
"""From a model, its maker, a time and what multiplies the price to the prices."""


@frozen(kw_only=True)
class PricedCall:
    """A call's price; ``cost_source`` is that of its costliest part, "none" when no part has one.

    ``models`` is empty unless several models answered, or one at several of its prices.
    ``unpriced``: tokens were used that no source has a price for, so ``cost_usd`` is too low.
    ``web_searches`` and ``variants`` are those of all of it; the latter empty where they differ.
    ``why`` says what else of its price is not known, None when that is nothing.
    """

    cost_usd: Decimal
    cost_source: CostSource
    models: tuple[PricedModel, ...]
    unpriced: bool
    web_searches: int = 0
    variants: Variants = ()
    why: str | None = None


@frozen()
class _Priced:
    """A part, and what of it has no price, in words."""

    part: PricedModel
    lacks: tuple[str, ...] = ()


class PriceBook:
    """Where the prices of one project come from.

    ``config`` is keyed by model name: a full name, one with or without a date, or an alias of
    claude. ``sources`` are asked in order. ``catalog`` stands for the bundled catalogue, which is
    loaded only when it is asked. ``local``: what has no price costs nothing, as a server of one's
    own answers. ``believes``: costs that are told were charged, so that no catalogue checks them.
    Raises ValueError for an unknown source.
    """

    def __init__(
        self,
        *,
        config: Mapping[str, PricingConfig],
        sources: Sequence[str] = ("config",),
        catalog: Catalog | None = None,
        local: bool = False,
        believes: bool = False,
    ) -> None:
        self.local, self._believes = local, believes
        self._maker = ""
        self._catalog = catalog or _in_catalog
        if unknown := [source for source in sources if source not in SOURCES]:
            raise ValueError(f"unknown price source {unknown[0]!r}; expected {', '.join(SOURCES)}")
        self._sources = [known for name in sources for known in SOURCES if known == name]
        self._config = {model.strip().lower(): prices for model, prices in config.items()}
        # One model is written in several ways: meta-llama/Llama-3-70B, meta/llama-3-70b.
        self._canonical = {
            ModelRegistry.resolve(model).name: prices
            for model, prices in self._config.items()
            if not model.endswith(_LONG_CONTEXT)
        }
        # A price given for one dated snapshot also counts for the bare name; the newest date wins.
        by_date = sorted(self._config.items())
        self._undated = {name: prices for model, prices in by_date if (name := undated(model))}

    def price(
        self, usage: UsageMetrics, *, maker: str | None, model: str, at: datetime
    ) -> PricedCall:
        """Price a run that started at ``at``; what ``usage`` names no model for is ``model``'s.

        ``maker`` is who makes the CLI's models, None where each model's name has to tell.
        """
        maker = self._maker or maker
        priced = [
            one for each in parts_of(usage, model) for one in self._price_model(each, maker, at)
        ]
        parts = tuple(one.part for one in priced)
        known = [part for part in parts if part.cost_source not in ("none", "local")]
        rest: CostSource = "local" if all(part.cost_source == "local" for part in parts) else "none"
        lacks = [f"{one.part.model}: {NO_PRICE} {what}" for one in priced for what in one.lacks]
        whole = add(part.usage for part in parts)
        return PricedCall(
            cost_usd=sum((part.cost_usd for part in known), Decimal(0)),
            cost_source=max(known, key=lambda part: part.cost_usd).cost_source if known else rest,
            models=parts if len(parts) > 1 else (),
            unpriced=any(
                is_unpriced(part.model, part.cost_source, part.usage.total_tokens) for part in parts
            ),
            web_searches=whole.web_searches,
            variants=whole.variants,
            why="; ".join(dict.fromkeys(lacks)) or None,
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
                    found = reports_costs and _is_by(maker, model)
                case _:
                    found = self._catalog(model, maker, at, ()) is not None
            if found:
                return source
        return self._without_a_price

    def handed_over(self, model: str, *, maker: str, at: datetime) -> PriceBook:
        """The same prices, to be pickled for a process that runs ``model`` and others of its maker.

        It doesn't load the catalogue for them; nor does this one, where the config prices
        ``model``: then the other does, when it meets a model that has no price in the config.
        """
        from agentd.metering.price_table import PriceTable

        own = "config" in self._sources and self.configured(model, maker) is not None
        asked = "catalog" in self._sources and not own
        table = PriceTable.of(maker, at) if asked else PriceTable(prices={})
        return PriceBook(
            config=self._config,
            sources=self._sources,
            catalog=table.lookup,
            local=self.local,
            believes=self._believes,
        )

    def of_server(self, *, local: bool, billed: bool = True) -> PriceBook:
        """The same prices for calls of an API that tells what it charges.

        Where nothing is ``billed`` no catalogue is asked: it has other servers' prices.
        """
        found = copy(self)
        found.local, found._believes = local, True
        if not billed:
            found._sources = [source for source in self._sources if source != "catalog"]
        return found

    def of_maker(self, maker: str) -> PriceBook:
        """The same prices for calls of a CLI whose name does not tell that this is its maker."""
        found = copy(self)
        found._maker = maker
        return found

    @property
    def _without_a_price(self) -> CostSource:
        return "local" if self.local else "none"

    def quote(self, model: str, *, at: datetime, variants: Variants = ()) -> Quote | None:
        """The prices for ``model`` at ``at``, None when no source has any.

        ``reported`` is skipped: it knows costs of calls, not prices.
        """
        from agentd.metering.quote import Quote

        for source in self._sources:
            price = None
            if source == "config":
                price = self.own_price(model, None, variants)
            elif source == "catalog":
                price = self._catalog(model, None, at, variants)
            if price:
                return Quote(source=source, price=price)
        return None

    def own_price(
        self, model: str, maker: str | None, variants: Variants = ()
    ) -> CatalogPrice | None:
        """What the config has for ``model``, whatever the sources; None when it has no price.

        A price under its name with ``[1m]`` is that of a request that only fits the long context.
        """
        from agentd.metering.catalog import CatalogPrice

        rates = self.configured(model, maker)
        if rates is None:
            return None
        base, unknown = rates.for_variants(variants)
        long = self._config.get(f"{forms(model)[-1]}{_LONG_CONTEXT}")
        if long is None or model.strip().lower().endswith(_LONG_CONTEXT):
            return CatalogPrice(model_id=model, base=base, unknown=unknown)
        tier = (_LONG_CONTEXT_ABOVE, long.for_variants(variants)[0])
        return CatalogPrice(model_id=model, base=base, tiers=(tier,), unknown=unknown)

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

    def _price_model(self, each: ModelParts, maker: str | None, at: datetime) -> list[_Priced]:
        for source in self._sources:
            match source:
                case "config":
                    found = _priced(each, source, lambda of: self.own_price(each.model, maker, of))
                case "reported":
                    found = self._reported(each, maker, at)
                case _:
                    found = self._by_catalog(each, maker, at)
            if found is not None:
                return found
        return [
            _Priced(
                PricedModel(
                    model=part.model,
                    usage=part.usage,
                    cost_usd=Decimal(0),
                    cost_source=self._without_a_price,
                )
            )
            for part in each.parts
        ]

    def _reported(self, each: ModelParts, maker: str | None, at: datetime) -> list[_Priced] | None:
        """At the CLI's own figure, where it can know the model and the catalogue agrees."""
        if each.usage.reported_cost_usd is None or (maker and not _is_by(maker, each.model)):
            return None
        figure = without_float_noise(each.usage.reported_cost_usd)
        asked = "catalog" in self._sources and not self._believes
        checked = self._by_catalog(each, maker, at) if asked else None
        if checked is not None and not any(one.lacks for one in checked):
            if not self._agrees(figure, each, checked, maker, at):
                return None
            if len(checked) > 1:
                return checked  # the figure is for all of them
        whole = PricedModel(
            model=each.model, usage=each.usage, cost_usd=figure, cost_source="reported"
        )
        return [_Priced(whole)]

    def _by_catalog(
        self, each: ModelParts, maker: str | None, at: datetime
    ) -> list[_Priced] | None:
        return _priced(each, "catalog", lambda of: self._catalog(each.model, maker, at, of))

    def _agrees(
        self,
        figure: Decimal,
        each: ModelParts,
        checked: Sequence[_Priced],
        maker: str | None,
        at: datetime,
    ) -> bool:
        """Whether a figure may be what the catalogue gives; what isn't known has a range."""
        least = sum((one.part.cost_usd for one in checked), Decimal(0))
        most = Decimal(0)
        for part in each.parts:
            price = self._catalog(each.model, maker, at, part.usage.variants)
            most += part.most_usd(price) if price else Decimal(0)
        return near(figure, least) or near(figure, most) or least <= figure <= most


def _is_by(maker: str | None, model: str) -> bool:
    return provider_of(resolve_alias(model, maker)) == maker


def _priced(
    each: ModelParts, source: CostSource, price_of: Callable[[Variants], CatalogPrice | None]
) -> list[_Priced] | None:
    found = []
    for part in each.parts:
        price = price_of(part.usage.variants)
        if price is None:
            return None
        priced = PricedModel(
            model=part.model, usage=part.usage, cost_usd=part.cost_usd(price), cost_source=source
        )
        found.append(_Priced(priced, price.lacks(part.usage)))
    return found


def _in_catalog(
    model: str, maker: str | None, at: datetime, variants: Variants = ()
) -> CatalogPrice | None:
    from agentd.metering.quote import in_catalog

    return in_catalog(model, maker, at, variants)
