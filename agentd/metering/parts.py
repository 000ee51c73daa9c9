"""The parts of a run that are priced by themselves: each model, at each of its prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Protocol

from agentd.frozen import frozen
from agentd.metering.rates import PricingConfig
from agentd.metering.usage import ModelUsage, UsageMetrics, add, subtract
from agentd.metering.variants import Variants


class Prices(Protocol):
    """One model's prices by the length of a request."""

    @property
    def base(self) -> PricingConfig:
        """The prices of a short one."""

    @property
    def tiers(self) -> Sequence[tuple[int, PricingConfig]]:
        """Those of a longer one, each with the tokens of input that it must exceed."""

    def for_request(self, input_tokens: int) -> PricingConfig:
        """The prices of one request."""


@frozen(kw_only=True)
class Part:
    """What one model used at one of its prices.

    ``requests`` are its single API requests as far as they are known, ``rest`` is what is not in
    them: a run's side calls may be told in its sum alone.
    """

    model: str
    usage: ModelUsage
    requests: tuple[ModelUsage, ...] = ()
    rest: ModelUsage

    @property
    def variants(self) -> Variants:
        """Which of the model's prices."""
        return self.usage.variants

    def cost_usd(self, prices: Prices) -> Decimal:
        """Request by request where they are known, the rest at the base price.

        A run is many requests: that their sum passes a tier's threshold doesn't say that one did.
        """
        costs = (prices.for_request(one.input_tokens).cost_usd(one) for one in self.requests)
        return sum(costs, prices.base.cost_usd(self.rest))

    def most_usd(self, prices: Prices) -> Decimal:
        """The most that it may have cost, were the rest one long request.

        A CLI that doesn't tell one-hour cache writes apart may have made them.
        """
        hour = self.rest.cache_creation_1h_input_tokens or self.rest.cache_creation_input_tokens
        rest = replace(self.rest, cache_creation_1h_input_tokens=hour)
        dearest = prices.for_request(rest.input_tokens).cost_usd(rest)
        return self.cost_usd(prices) - prices.base.cost_usd(self.rest) + dearest


@frozen(kw_only=True)
class ModelParts:
    """All that one model used, with the CLI's own figure of its cost, and the parts of it."""

    model: str
    usage: ModelUsage
    parts: tuple[Part, ...]


def parts_of(usage: UsageMetrics, model: str) -> list[ModelParts]:
    """The parts of each model; what ``usage`` names no model for is ``model``'s."""
    by_model = _by_model(usage, model)
    return [
        _of_model(name, told, _requests(usage, name, sole=len(by_model) == 1))
        for name, told in by_model.items()
    ]


def _by_model(usage: UsageMetrics, model: str) -> dict[str, ModelUsage]:
    by_model = dict(usage.by_model)
    rest = subtract(usage, add(by_model.values()))
    if by_model:
        rest = replace(rest, reported_cost_usd=None)  # the CLI's figures are for models it names
    if not by_model or any(rest.counts()) or rest.web_searches:
        by_model[model] = add([by_model[model], rest]) if model in by_model else rest
    (name, sole), *others = by_model.items()
    if not others and sole.reported_cost_usd is None:
        by_model[name] = replace(sole, reported_cost_usd=usage.reported_cost_usd)
    return by_model


def _requests(usage: UsageMetrics, model: str, *, sole: bool) -> list[ModelUsage]:
    return [request for name, request in usage.requests if name == model or (sole and not name)]


def _of_model(model: str, told: ModelUsage, requests: Sequence[ModelUsage]) -> ModelParts:
    known = add(requests)
    told = replace(
        told,
        variants=told.variants or known.variants,
        web_searches=max(told.web_searches, known.web_searches),
    )
    if not requests or not _holds(told, known):
        part = Part(model=model, usage=told, rest=told)
        return ModelParts(model=model, usage=told, parts=(part,))
    by_variants: dict[Variants, list[ModelUsage]] = {}
    for request in requests:
        if any(request.counts()) or request.web_searches:
            by_variants.setdefault(request.variants, []).append(request)
    rest = subtract(told, known)
    if any(rest.counts()) or rest.web_searches or not by_variants:
        by_variants.setdefault(rest.variants, [])
    parts = []
    for variants, own in by_variants.items():
        more = rest if variants == rest.variants else ModelUsage()
        usage = replace(add([*own, more]), variants=variants, reported_cost_usd=None)
        parts.append(Part(model=model, usage=usage, requests=tuple(own), rest=more))
    return ModelParts(model=model, usage=told, parts=tuple(parts))


def _holds(told: ModelUsage, known: ModelUsage) -> bool:
    """Whether requests may all be part of what is told, and what is beside them makes sense."""
    if any(one > whole for one, whole in zip(known.counts(), told.counts(), strict=True)):
        return False
    rest = subtract(told, known)
    return rest.cache_creation_1h_input_tokens <= rest.cache_creation_input_tokens
