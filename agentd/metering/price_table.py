"""The catalogue's prices of one maker's models, to be handed to a process that doesn't load it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from agentd.frozen import frozen
from agentd.metering.catalog import CatalogPrice, lookup, spelled_names
from agentd.metering.makers import read_name
from agentd.metering.models import resolve_alias
from agentd.metering.names import forms
from agentd.metering.variants import Variants


@frozen(kw_only=True)
class PriceTable:
    """The prices in force at one time, by the names that the catalogue spells out.

    None as a price: the catalogue knows the name, and has no price for it. Pickled it has some
    10 KB, and unpickled in a millisecond; the catalogue itself takes 0.2 s.
    """

    maker: str | None = None
    prices: Mapping[str, CatalogPrice | None]

    @classmethod
    def of(cls, maker: str, at: datetime) -> PriceTable:
        """The prices of all models of a maker; loads the catalogue."""
        names = spelled_names(maker)
        return cls(maker=maker, prices={name: lookup(name, maker=maker, at=at) for name in names})

    def lookup(
        self, model: str, maker: str | None, at: datetime, variants: Variants = ()
    ) -> CatalogPrice | None:
        """What the catalogue says of ``model``; it is loaded for what isn't in here."""
        if maker == self.maker and not variants and not read_name(model).host:
            for name in forms(model):
                if name in self.prices:
                    return self.prices[name]
        return lookup(resolve_alias(model, maker), maker=maker, at=at, variants=variants)
