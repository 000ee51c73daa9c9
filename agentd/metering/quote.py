"""What one API request costs, by a model's prices at one source."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from agentd.clock import utc_now
from agentd.errors import UnsupportedModel
from agentd.frozen import frozen
from agentd.metering import catalog
from agentd.metering.models import resolve_alias
from agentd.metering.rates import PricingConfig
from agentd.metering.unpriced import is_local, is_unpriced
from agentd.metering.usage import ModelUsage
from agentd.metering.variants import Variants
from agentd.metering.words import Accuracy, CostSource

_FREE = catalog.CatalogPrice(
    model_id="",
    base=PricingConfig(cost_per_1m_input=0, cost_per_1m_output=0, cost_per_1k_web_searches=0),
)


@frozen(kw_only=True, guarded=True)
class Cost:
    """A cost in USD; its ``float()`` is the total's.

    ``source`` is "none" (and the cost 0) when the model has no known price; ``unpriced`` then says
    whether that 0 is wrong: tokens were used, and by no local model. ``model`` is the name that was
    asked for, "" for given prices. ``web_search_usd`` is the fee of web searches, ``lacks`` names
    what of the usage has no price, such as "web searches" or "geo=eu": the cost is without it.
    """

    input_usd: Decimal
    output_usd: Decimal
    total_usd: Decimal
    source: CostSource
    accuracy: Accuracy
    model: str = ""
    unpriced: bool = False
    web_search_usd: Decimal = Decimal(0)
    lacks: tuple[str, ...] = ()

    def __float__(self) -> float:
        return float(self.total_usd)


@frozen(kw_only=True)
class Quote:
    """What a model costs by one price source."""

    source: CostSource
    price: catalog.CatalogPrice

    def cost(self, usage_or_total: ModelUsage | int) -> Cost:
        """Price one API request; a bare total as :func:`calculate_cost` does."""
        return _cost(usage_or_total, self.price, self.source)

    def rates(self, usage_or_total: ModelUsage | int) -> PricingConfig:
        """The prices of that request."""
        return self.price.for_request(_input_tokens(usage_or_total))

    def tier(self, usage_or_total: ModelUsage | int) -> int | None:
        """The tokens of input above which these prices apply, None for the base price."""
        tokens = _input_tokens(usage_or_total)
        return max((above for above, _ in self.price.tiers if tokens > above), default=None)


def calculate_cost(
    usage_or_total: ModelUsage | int,
    model_or_pricing: PricingConfig | str,
    *,
    at: datetime | None = None,
    exact: bool = False,
) -> Cost:
    """Price one API request by given prices, or by the catalogue's for a model's name.

    A bare total of tokens is split half and half into input and output, which is ``heuristic``.
    A long-context tier applies as the request's input says; prices are those in force ``at`` that
    time, by default now. Raises ValueError for a negative count, TypeError for an argument of
    another type; with ``exact`` UnsupportedModel for a model without a known price, which else
    costs 0.
    """
    if not isinstance(usage_or_total, ModelUsage) and type(usage_or_total) is not int:
        kind = type(usage_or_total).__name__
        raise TypeError(f"usage_or_total is of type {kind}; expected ModelUsage or int")
    variants = usage_or_total.variants if isinstance(usage_or_total, ModelUsage) else ()
    if isinstance(model_or_pricing, PricingConfig):
        rates, unknown = model_or_pricing.for_variants(variants)
        given = catalog.CatalogPrice(model_id="", base=rates, unknown=unknown)
        return _cost(usage_or_total, given, "config")
    if not isinstance(model_or_pricing, str):
        kind = type(model_or_pricing).__name__
        raise TypeError(f"model_or_pricing is of type {kind}; expected PricingConfig or str")
    price = in_catalog(model_or_pricing, None, at or utc_now(), variants)
    if price is not None:
        return replace(_cost(usage_or_total, price, "catalog"), model=model_or_pricing)
    cost = _cost(usage_or_total, _FREE, "none")
    total = usage_or_total if isinstance(usage_or_total, int) else usage_or_total.total_tokens
    if exact and not is_local(model_or_pricing):
        raise no_price(model_or_pricing)
    unpriced = is_unpriced(model_or_pricing, "none", total)
    return replace(cost, model=model_or_pricing, unpriced=unpriced)


def no_price(model: str) -> UnsupportedModel:
    """The error that no price is known for ``model``, so that its tokens must not count as free."""
    return UnsupportedModel(
        f"no price is known for {model}", fix="Price it yourself: PricingConfig(...)."
    )


def _cost(
    usage_or_total: ModelUsage | int, price: catalog.CatalogPrice, source: CostSource
) -> Cost:
    """The cost of one request."""
    accuracy: Accuracy = "exact"
    usage, share = usage_or_total, Decimal(1)
    if not isinstance(usage, ModelUsage):
        # All of it priced both ways and halved: an odd total is split exactly, too.
        accuracy = "heuristic"
        usage, share = ModelUsage(input_tokens=usage, output_tokens=usage), Decimal("0.5")
    if min(*usage.counts(), usage.web_searches) < 0:
        raise ValueError(f"{usage_or_total!r} has a negative number of tokens")
    rates = price.for_request(_input_tokens(usage_or_total))
    input_usd, output_usd = rates.input_usd(usage) * share, rates.output_usd(usage) * share
    web_search_usd = rates.web_search_usd(usage)
    return Cost(
        input_usd=input_usd,
        output_usd=output_usd,
        web_search_usd=web_search_usd,
        total_usd=input_usd + output_usd + web_search_usd,
        source=source,
        accuracy=accuracy,
        lacks=price.lacks(usage),
    )


def _input_tokens(usage_or_total: ModelUsage | int) -> int:
    """The input's tokens, half of a bare total."""
    if isinstance(usage_or_total, ModelUsage):
        return usage_or_total.input_tokens
    return usage_or_total // 2


def in_catalog(
    model: str, maker: str | None, at: datetime, variants: Variants = ()
) -> catalog.CatalogPrice | None:
    """The catalogue's prices of ``model``, which may be an alias, in force at ``at``."""
    return catalog.lookup(resolve_alias(model, maker), maker=maker, at=at, variants=variants)
