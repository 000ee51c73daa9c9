"""The bundled price catalogue (the data of genai-prices, offline): a model's prices at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from agentd.metering.names import forms
from agentd.metering.rates import PricingConfig

if TYPE_CHECKING:  # its import takes 0.3 s, so it is loaded where a price is looked up
    from genai_prices.types import MatchLogic, ModelInfo, ModelPrice, TieredPrices

_CATALOGUES = {"claude": "anthropic", "codex": "openai", "gemini": "google"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogPrice:
    """What a model costs: ``base``, and more for an API request with a long input.

    ``tiers`` holds (N, prices) for requests of more than N input tokens, with N rising.
    ``model_id`` is the catalogue's name of the model.
    """

    model_id: str
    base: PricingConfig
    tiers: tuple[tuple[int, PricingConfig], ...] = ()

    def for_request(self, input_tokens: int) -> PricingConfig:
        """The prices of one API request; a tier's price applies to all of its tokens."""
        reached = [prices for above, prices in self.tiers if input_tokens > above]
        return reached[-1] if reached else self.base


def lookup(model: str, *, provider: str | None, at: datetime) -> CatalogPrice | None:
    """The prices of ``model`` in force at ``at``, or None when the catalogue doesn't name it.

    ``provider`` is a coding CLI's name; without a known one every maker's catalogue is tried.
    """
    for catalogue in _catalogues(provider):
        if info := _find(model, catalogue):
            return _price(info, at)
    return None


def model_ids(provider: str | None) -> Iterator[str]:
    """The catalogue's names of the models of ``provider`` (all three makers' when unknown)."""
    from genai_prices.data_snapshot import get_snapshot

    catalogues = _catalogues(provider)
    for maker in get_snapshot().providers:
        if maker.id in catalogues:
            yield from (info.id for info in maker.models)


def _catalogues(provider: str | None) -> tuple[str, ...]:
    known = _CATALOGUES.get(provider or "")
    return (known,) if known else tuple(_CATALOGUES.values())


def _find(model: str, catalogue: str) -> ModelInfo | None:
    """The model that the catalogue knows under this very name, or under it without a date.

    genai-prices matches by prefix: to it, ``claude-opus-4-50`` is a ``claude-opus-4-5``. A price
    counts only where the catalogue spells out the asked name or one of its shorter forms.
    """
    from genai_prices.data_snapshot import get_snapshot

    names = forms(model)
    for index, name in enumerate(names):
        try:
            _, info = get_snapshot().find_provider_model(name, None, catalogue, None)
        except LookupError:
            continue
        if not {info.id.lower(), *_spelled(info.match)}.isdisjoint(names[index:]):
            return info
    return None


def _spelled(logic: MatchLogic) -> Iterator[str]:
    from genai_prices import types

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
        case types.ClauseContains():
            yield logic.contains.lower()


def _price(info: ModelInfo, at: datetime) -> CatalogPrice | None:
    prices = info.get_prices(at)
    tiered = [price for price in _fields(prices) if price and not isinstance(price, Decimal)]
    starts = sorted({tier.start for price in tiered for tier in price.tiers})
    base = _rates(prices, 0)
    if base is None:
        return None
    tiers = ((start, _rates(prices, start + 1)) for start in starts)
    return CatalogPrice(
        model_id=info.id,
        base=base,
        tiers=tuple((start, rates) for start, rates in tiers if rates),
    )


def _fields(prices: ModelPrice) -> tuple[Decimal | TieredPrices | None, ...]:
    return (
        prices.input_mtok,
        prices.output_mtok,
        prices.cache_read_mtok,
        prices.cache_write_mtok,
        prices.cache_write_1h_mtok,
    )


def _rates(prices: ModelPrice, input_tokens: int) -> PricingConfig | None:
    """The prices of a request of ``input_tokens``; None for a model not sold by the token."""
    values = [_at(price, input_tokens) for price in _fields(prices)]
    if values[0] is None or values[1] is None:
        return None
    return PricingConfig(
        cost_per_1m_input=values[0],
        cost_per_1m_output=values[1],
        cost_per_1m_cache_read=values[2],
        cost_per_1m_cache_write=values[3],
        cost_per_1m_cache_write_1h=values[4],
    )


def _at(price: Decimal | TieredPrices | None, input_tokens: int) -> Decimal | None:
    if price is None or isinstance(price, Decimal):
        return price
    reached = [tier.price for tier in price.tiers if input_tokens > tier.start]
    return reached[-1] if reached else price.base
