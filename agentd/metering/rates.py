"""One model's prices, and the arithmetic of a cost (contract: Money)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from agentd.metering.money import Price, exact_usd
from agentd.metering.partial import SEARCHES
from agentd.metering.usage import ModelUsage
from agentd.metering.variants import Variants, from_text

PRICE_UNITS = {
    "cost_per_1m_input": "USD per 1,000,000 tokens",
    "cost_per_1m_output": "USD per 1,000,000 tokens",
    "cost_per_1m_cache_read": "USD per 1,000,000 tokens",
    "cost_per_1m_cache_write": "USD per 1,000,000 tokens",
    "cost_per_1m_cache_write_1h": "USD per 1,000,000 tokens",
    "cost_per_1k_web_searches": "USD per 1,000 web searches",
}
"""The prices of a model, and what each is given in."""
PRICE_KEYS = tuple(PRICE_UNITS)
NEEDED_PRICES = ("cost_per_1m_input", "cost_per_1m_output")


@dataclass(frozen=True, slots=True, init=False)
class PricingConfig:
    """One model's prices in USD: per 1,000,000 tokens, and per 1,000 web searches.

    Takes int, float, str or Decimal; a float counts as it is written (0.1 is a tenth). A missing
    cache price means the input price, a missing one-hour cache price the cache-write price.
    ``variants`` are other prices of the model by what they are for, such as "speed=fast" or
    "speed=fast,geo=us". Raises ValueError naming the field for what is no finite number of at least
    0.
    """

    cost_per_1m_input: Decimal
    cost_per_1m_output: Decimal
    cost_per_1m_cache_read: Decimal | None
    cost_per_1m_cache_write: Decimal | None
    cost_per_1m_cache_write_1h: Decimal | None
    cost_per_1k_web_searches: Decimal | None
    variants: Mapping[str, PricingConfig] = field(hash=False)

    def __init__(
        self,
        *,
        cost_per_1m_input: Price,
        cost_per_1m_output: Price,
        cost_per_1m_cache_read: Price | None = None,
        cost_per_1m_cache_write: Price | None = None,
        cost_per_1m_cache_write_1h: Price | None = None,
        cost_per_1k_web_searches: Price | None = None,
        variants: Mapping[str, PricingConfig] | None = None,
    ) -> None:
        for name, value in (
            ("cost_per_1m_input", cost_per_1m_input),
            ("cost_per_1m_output", cost_per_1m_output),
        ):
            object.__setattr__(self, name, exact_usd(name, value, unit=PRICE_UNITS[name]))
        for name, optional in (
            ("cost_per_1m_cache_read", cost_per_1m_cache_read),
            ("cost_per_1m_cache_write", cost_per_1m_cache_write),
            ("cost_per_1m_cache_write_1h", cost_per_1m_cache_write_1h),
            ("cost_per_1k_web_searches", cost_per_1k_web_searches),
        ):
            unit = PRICE_UNITS[name]
            price = None if optional is None else exact_usd(name, optional, unit=unit)
            object.__setattr__(self, name, price)
        object.__setattr__(self, "variants", dict(variants or {}))

    @property
    def cache_read(self) -> Decimal:
        """What 1,000,000 tokens read from the cache cost, in USD."""
        price = self.cost_per_1m_cache_read
        return self.cost_per_1m_input if price is None else price

    @property
    def cache_write(self) -> Decimal:
        """What 1,000,000 tokens written to the cache cost, in USD."""
        price = self.cost_per_1m_cache_write
        return self.cost_per_1m_input if price is None else price

    @property
    def cache_write_1h(self) -> Decimal:
        """What 1,000,000 tokens written to the one-hour cache cost, in USD."""
        price = self.cost_per_1m_cache_write_1h
        return self.cache_write if price is None else price

    def for_variants(self, asked: Variants) -> tuple[PricingConfig, Variants]:
        """The prices for these variants, and those of them that it has none for.

        A price for all of them together goes before one for a single one.
        """
        known = {from_text(text): prices for text, prices in self.variants.items()}
        for chosen in (asked, *((one,) for one in asked)):
            if chosen in known:
                return known[chosen], tuple(one for one in asked if one not in chosen)
        return self, asked

    def cost_usd(self, usage: ModelUsage) -> Decimal:
        """What ``usage`` costs in USD, unrounded, at these prices and not at those of a variant.

        Exact as long as it fits Decimal's 28 digits: a price of 15 digits times 10**13 tokens does.
        """
        return self.input_usd(usage) + self.output_usd(usage) + self.web_search_usd(usage)

    def input_usd(self, usage: ModelUsage) -> Decimal:
        """The input's part of the cost; more cached tokens than input never make it negative."""
        cached = usage.cache_read_input_tokens + usage.cache_creation_input_tokens
        one_hour = min(usage.cache_creation_1h_input_tokens, usage.cache_creation_input_tokens)
        micro_usd = (
            max(0, usage.input_tokens - cached) * self.cost_per_1m_input
            + usage.cache_read_input_tokens * self.cache_read
            + (usage.cache_creation_input_tokens - one_hour) * self.cache_write
            + one_hour * self.cache_write_1h
        )
        return micro_usd.scaleb(-6)

    def output_usd(self, usage: ModelUsage) -> Decimal:
        """The output's part of the cost, reasoning included."""
        return (usage.output_tokens * self.cost_per_1m_output).scaleb(-6)

    def web_search_usd(self, usage: ModelUsage) -> Decimal:
        """The fee of its web searches; 0 where their price is not known."""
        return (usage.web_searches * (self.cost_per_1k_web_searches or Decimal(0))).scaleb(-3)

    def lacks(self, usage: ModelUsage) -> tuple[str, ...]:
        """What of ``usage``, but for its variants, has no price here."""
        unpriced = usage.web_searches and self.cost_per_1k_web_searches is None
        return (SEARCHES,) if unpriced else ()
