"""The bundled price catalogue (the data of genai-prices, offline): a model's prices at a time."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from agentd.frozen import frozen
from agentd.metering.makers import HOSTS, MAKERS, provider_of, read_name
from agentd.metering.names import MAX_NAME_CHARS, forms
from agentd.metering.rates import PRICE_KEYS, PricingConfig
from agentd.metering.usage import ModelUsage
from agentd.metering.variants import Variants, as_text

if TYPE_CHECKING:  # its import takes 0.2 s, so it is loaded where a price is looked up
    from genai_prices.types import MatchLogic, ModelInfo, ModelPrice, PriceVariant, TieredPrices
    from genai_prices.types import Provider as SellerOfModels

# Regions of Bedrock that have prices of their own.
_OWN_PRICES = ("global", "us-gov")
# The catalogue's names of variants where they are others than those of the API.
_CONTEXT = {("service_tier", "batch"): ("processing", "batch")}
# What the catalogue doesn't have. Anthropic: inference in the US alone costs 1.1 times as much for
# every kind of token (platform.claude.com, pricing, "Data residency").
_FACTORS = {("anthropic", "geo", "us"): Decimal("1.1")}


@frozen(kw_only=True)
class CatalogPrice:
    """What a model costs: ``base``, and more for an API request with a long input.

    ``tiers`` holds (N, prices) for requests of more than N input tokens, with N rising.
    ``model_id`` is the catalogue's name of the model, ``since`` the day (UTC) from which these
    prices count, None when it has no earlier ones. ``unknown`` are the variants that were asked for
    and have no price here: the prices are those without them.
    """

    model_id: str
    base: PricingConfig
    tiers: tuple[tuple[int, PricingConfig], ...] = ()
    since: date | None = None
    unknown: Variants = ()

    def for_request(self, input_tokens: int) -> PricingConfig:
        """The prices of one API request; a tier's price applies to all of its tokens."""
        reached = [prices for above, prices in self.tiers if input_tokens > above]
        return reached[-1] if reached else self.base

    def lacks(self, usage: ModelUsage) -> tuple[str, ...]:
        """What of ``usage`` has no price here, in words."""
        unknown = (as_text(self.unknown),) if self.unknown else ()
        return (*unknown, *self.base.lacks(usage))


def lookup(
    model: str, *, maker: str | None, at: datetime, variants: Variants = ()
) -> CatalogPrice | None:
    """The prices of ``model`` in force at ``at``, or None when the catalogue doesn't name it.

    ``maker`` is whose prices count ("anthropic") where the name tells neither a host nor a maker.
    None for a name of more than MAX_NAME_CHARS.
    """
    if len(model) > MAX_NAME_CHARS:
        return None
    listed = _listed(model, maker)
    return listed.price(at, variants) if listed else None


def context_window(model: str) -> int | None:
    """How many tokens a request to ``model`` and its answer can have; None where nobody knows."""
    listed = _listed(model, None) if len(model) <= MAX_NAME_CHARS else None
    return listed.context_window if listed else None


@cache
def _sellers() -> Mapping[str, SellerOfModels]:
    """Who sells models, by name.

    Loaded without what the package itself loads besides: an HTTP client, which takes 0.1 s.
    """
    package = "genai_prices"
    spec = None if package in sys.modules else find_spec(package)
    bare = module_from_spec(spec) if spec else None
    if bare is not None:
        sys.modules[package] = bare
    try:
        snapshot = import_module(f"{package}.data_snapshot").get_snapshot()
    finally:
        if bare is not None and sys.modules.get(package) is bare:
            del sys.modules[package]  # whoever imports it gets all of it
    return {seller.id: seller for seller in snapshot.providers}


def _types() -> ModuleType:
    return sys.modules["genai_prices.types"]  # it came with the sellers


def model_ids(maker: str) -> Iterator[str]:
    """The catalogue's names of the models of one maker."""
    return (info.id for info in _models(maker))


def spelled_names(maker: str) -> set[str]:
    """Every name that the catalogue spells out for the models of one maker."""
    return {name for info in _models(maker) for name in (info.id.lower(), *_spelled(info.match))}


def listed(at: datetime) -> Iterator[str]:
    """Every model that its maker sells by the token at ``at``, as ``openai/gpt-4o``."""
    for catalogue in dict.fromkeys(MAKERS.values()):
        for info in _models(catalogue):
            if provider_of(info.id) == catalogue and _Listed(info, catalogue).price(at):
                own = info.id.startswith(f"{catalogue}/")
                yield info.id if own else f"{catalogue}/{info.id}"


def version() -> str:
    """``genai-prices 0.2.3``: the release of the catalogue."""
    from importlib.metadata import version as release

    return f"genai-prices {release('genai-prices')}"


class _Listed:
    """A model of the catalogue, with its prices as they have been asked for."""

    __slots__ = ("_info", "_prices", "_seller")

    def __init__(self, info: ModelInfo, seller: str) -> None:
        self._info, self._seller = info, seller
        self._prices: dict[tuple[int, Variants, tuple[int, ...]], CatalogPrice | None] = {}

    @property
    def context_window(self) -> int | None:
        """Its window, in tokens."""
        return self._info.context_window

    def price(self, at: datetime, variants: Variants = ()) -> CatalogPrice | None:
        standard = self._info.get_prices(at)
        active = tuple(place for place, _ in self._active(at)) if variants else ()
        key = (id(standard), variants, active)  # one of those that self._info holds
        if key not in self._prices:
            self._prices[key] = self._price(standard, at, variants)
        return self._prices[key]

    def _active(self, at: datetime) -> Iterator[tuple[int, PriceVariant]]:
        for place, variant in enumerate(self._info.price_variants or ()):
            if variant.constraint is None or variant.constraint.active(at):
                yield place, variant

    def _price(self, standard: ModelPrice, at: datetime, variants: Variants) -> CatalogPrice | None:
        listed = {pair for _, variant in self._active(at) for pair in variant.when.items()}
        factors = {one: _FACTORS.get((self._seller, *one)) for one in variants}
        factor = math.prod(filter(None, factors.values()), start=Decimal(1))
        context = dict(_CONTEXT.get(one, one) for one in variants)
        unknown = tuple(
            one
            for one, own in factors.items()
            if own is None and _CONTEXT.get(one, one) not in listed
        )
        prices = self._info.get_prices(at, context) if context else standard
        found = _price(self._info, prices, factor)
        return found and replace(found, since=_since(self._info, standard), unknown=unknown)


@lru_cache(maxsize=1024)
def _listed(model: str, maker: str | None) -> _Listed | None:
    if not (catalogue := _catalogue(model, maker)):
        return None
    read = read_name(model)
    names = forms(read.written)
    if read.namespace not in {"", "unknown"} and read.region not in _OWN_PRICES:
        shared = read.written.removeprefix(f"{read.region}.")
        names = tuple(dict.fromkeys((*names, *forms(shared), *forms(read.bare))))
    info = _find(names, catalogue)
    return _Listed(info, catalogue) if info else None


def _catalogue(model: str, maker: str | None) -> str:
    """The catalogue's name of the one whose prices count, "" when that isn't known."""
    read = read_name(model)
    if read.host:
        return HOSTS[read.host]
    if read.namespace == "unknown":
        return ""
    own = provider_of(model)
    # Another maker's model through a CLI has the price of who makes it.
    return own if own in _sellers() else maker or own


def _models(catalogue: str, *, borrowed: bool = False) -> Iterator[ModelInfo]:
    """The models of one seller, and, if ``borrowed``, of those whose prices it takes over."""
    sellers = _sellers()
    if seller := sellers.get(catalogue):
        yield from seller.models
        for other in (seller.fallback_model_providers or ()) if borrowed else ():
            yield from sellers[other].models


def _find(names: tuple[str, ...], catalogue: str) -> ModelInfo | None:
    """The model that the catalogue knows under the first name, or under it without a date.

    genai-prices matches by prefix: to it, ``claude-opus-4-50`` is a ``claude-opus-4-5``. A price
    counts only where the catalogue spells out the asked name or one of its shorter forms.
    """
    models = list(_models(catalogue, borrowed=True))
    for index, name in enumerate(names):
        info = next((info for info in models if info.is_match(name)), None)
        if info is None:
            continue
        spelled = {info.id.lower(), *_spelled(info.match)}
        if not spelled.isdisjoint(names[index:]) or any(
            _is_fine_tuned(name, prefix) for prefix in spelled
        ):
            return info
    return next((info for info in models if info.id.lower() in names), None)


def _is_fine_tuned(name: str, prefix: str) -> bool:
    """Whether a name is that of a fine-tuned model in the catalogue and the date of its base."""
    date = name.removeprefix(prefix)
    return prefix.startswith("ft:") and name.startswith(prefix) and not date.strip("-0123456789")


def _spelled(logic: MatchLogic) -> Iterator[str]:
    types = _types()
    match logic:
        case types.ClauseOr():
            for clause in logic.or_:
                yield from _spelled(clause)
        case types.ClauseAnd():
            for clause in logic.and_:
                yield from _spelled(clause)
        case types.ClauseEquals():
            yield logic.equals.lower()
        case types.ClauseStartsWith():
            yield logic.starts_with.lower()
        case types.ClauseEndsWith():
            yield logic.ends_with.lower()
        case types.ClauseContains():
            yield logic.contains.lower()


def _price(info: ModelInfo, prices: ModelPrice, factor: Decimal) -> CatalogPrice | None:
    base = _rates(prices, 0, factor)
    if base is None:
        return None
    tiered = [price for price in _fields(prices) if price and not isinstance(price, Decimal)]
    starts = sorted({tier.start for price in tiered for tier in price.tiers})
    tiers = ((start, _rates(prices, start + 1, factor)) for start in starts)
    return CatalogPrice(
        model_id=info.id, base=base, tiers=tuple((start, rates) for start, rates in tiers if rates)
    )


def _since(info: ModelInfo, prices: ModelPrice) -> date | None:
    constraint = _types().StartDateConstraint
    for dated in info.prices if isinstance(info.prices, list) else ():
        if dated.prices is prices and isinstance(dated.constraint, constraint):
            return cast(date, dated.constraint.start_date)
    return None


def _fields(prices: ModelPrice) -> tuple[Decimal | TieredPrices | None, ...]:
    return (
        prices.input_mtok,
        prices.output_mtok,
        prices.cache_read_mtok,
        prices.cache_write_mtok,
        prices.cache_write_1h_mtok,
    )


def _rates(prices: ModelPrice, input_tokens: int, factor: Decimal) -> PricingConfig | None:
    """The prices of a request of ``input_tokens``; None for a model not sold by the token.

    ``factor`` multiplies the prices of tokens. A model that only takes tokens in, such as one for
    embeddings, has no price of output, and none is needed.
    """
    amounts = [_at(price, input_tokens) for price in _fields(prices)]
    values: dict[str, Any] = {
        key: None if amount is None else amount * factor
        for key, amount in zip(PRICE_KEYS, amounts, strict=False)
    }
    if values["cost_per_1m_input"] is None:
        return None
    values["cost_per_1m_output"] = values["cost_per_1m_output"] or Decimal(0)
    searches = _at(prices.web_searches_kcount, input_tokens)
    return PricingConfig(**values, cost_per_1k_web_searches=searches)


def _at(price: Decimal | TieredPrices | None, input_tokens: int) -> Decimal | None:
    if price is None or isinstance(price, Decimal):
        return price
    reached = [tier.price for tier in price.tiers if input_tokens > tier.start]
    return reached[-1] if reached else price.base
