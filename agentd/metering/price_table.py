"""The catalogue's prices of one maker's models, to be handed to a process that doesn't load it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime

from agentd.frozen import frozen
from agentd.metering.catalog import CatalogPrice, lookup, spelled_names
from agentd.metering.makers import read_name
from agentd.metering.models import resolve_alias
from agentd.metering.names import forms
from agentd.metering.variants import Variants

VARIANTS: Mapping[str, tuple[Variants, ...]] = {
    "anthropic": ((("speed", "fast"),), (("geo", "us"),)),
    "openai": tuple((("service_tier", tier),) for tier in ("priority", "fast", "flex")),
}
"""At what the answers of a maker may be billed, where its models have prices for that."""


@frozen(kw_only=True)
class PriceTable:
    """The prices in force at one time, by the names that the catalogue spells out.

    None as a price: the catalogue knows the name, and has no price for it. ``variants`` holds, for
    each of its maker's VARIANTS, the prices of the models (by ``model_id``) that have their own.
    Pickled it has 15 to 40 KB, and unpickled in a millisecond or two; the catalogue takes 0.2 s.
    """

    maker: str | None = None
    prices: Mapping[str, CatalogPrice | None]
    variants: Mapping[Variants, Mapping[str, CatalogPrice]] = field(default_factory=dict)

    @classmethod
    def of(cls, maker: str, at: datetime) -> PriceTable:
        """The prices of all models of a maker; loads the catalogue."""
        names = spelled_names(maker)
        prices = {name: lookup(name, maker=maker, at=at) for name in names}
        models = {found.model_id: name for name, found in prices.items() if found}
        variants = {
            asked: {
                model_id: found
                for model_id, name in models.items()
                if (found := lookup(name, maker=maker, at=at, variants=asked)) and not found.unknown
            }
            for asked in VARIANTS.get(maker, ())
        }
        return cls(maker=maker, prices=prices, variants=variants)

    def lookup(
        self, model: str, maker: str | None, at: datetime, variants: Variants = ()
    ) -> CatalogPrice | None:
        """What the catalogue says of ``model``; it is loaded for what isn't in here."""
        known = not variants or variants in self.variants
        if maker == self.maker and known and not read_name(model).host:
            for name in forms(model):
                if name in self.prices:
                    return self._price(name, variants)
        return lookup(resolve_alias(model, maker), maker=maker, at=at, variants=variants)

    def _price(self, name: str, variants: Variants) -> CatalogPrice | None:
        standard = self.prices[name]
        if standard is None or not variants:
            return standard
        return self.variants[variants].get(standard.model_id) or replace(standard, unknown=variants)
