"""One model's prices, and the arithmetic of a cost (contract: Money)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal

from agentd.metering.money import Price, exact_usd
from agentd.metering.usage import ModelUsage

_UNIT = "USD per 1,000,000 tokens"


@dataclass(frozen=True, slots=True, init=False)
class PricingConfig:
    """One model's prices in USD per 1,000,000 tokens.

    Takes int, float, str or Decimal; a float counts as it is written (0.1 is a tenth). A missing
    cache price means the input price, a missing one-hour cache price the cache-write price. Raises
    ValueError naming the field for what is no finite number of at least 0.
    """

    cost_per_1m_input: Decimal
    cost_per_1m_output: Decimal
    cost_per_1m_cache_read: Decimal | None
    cost_per_1m_cache_write: Decimal | None
    cost_per_1m_cache_write_1h: Decimal | None

    def __init__(
        self,
        *,
        cost_per_1m_input: Price,
        cost_per_1m_output: Price,
        cost_per_1m_cache_read: Price | None = None,
        cost_per_1m_cache_write: Price | None = None,
        cost_per_1m_cache_write_1h: Price | None = None,
    ) -> None:
        for name, value in (
            ("cost_per_1m_input", cost_per_1m_input),
            ("cost_per_1m_output", cost_per_1m_output),
        ):
            object.__setattr__(self, name, exact_usd(name, value, unit=_UNIT))
        for name, optional in (
            ("cost_per_1m_cache_read", cost_per_1m_cache_read),
            ("cost_per_1m_cache_write", cost_per_1m_cache_write),
            ("cost_per_1m_cache_write_1h", cost_per_1m_cache_write_1h),
        ):
            price = None if optional is None else exact_usd(name, optional, unit=_UNIT)
            object.__setattr__(self, name, price)

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

    def cost_usd(self, usage: ModelUsage) -> Decimal:
        """What ``usage`` costs in USD, unrounded.

        Exact as long as it fits Decimal's 28 digits: a price of 15 digits times 10**13 tokens does.
        """
        return self.input_usd(usage) + self.output_usd(usage)

    def input_usd(self, usage: ModelUsage) -> Decimal:
        """The input's part of the cost; more cached tokens than input never make it negative."""
        cached = usage.cache_read_input_tokens + usage.cache_creation_input_tokens
        one_hour = min(usage.cache_creation_1h_input_tokens, usage.cache_creation_input_tokens)
        read, write, write_1h = self.cache_read, self.cache_write, self.cost_per_1m_cache_write_1h
        write_1h = write if write_1h is None else write_1h
        micro_usd = (
            max(0, usage.input_tokens - cached) * self.cost_per_1m_input
            + usage.cache_read_input_tokens * read
            + (usage.cache_creation_input_tokens - one_hour) * write
            + one_hour * write_1h
        )
        return micro_usd.scaleb(-6)

    def output_usd(self, usage: ModelUsage) -> Decimal:
        """The output's part of the cost, reasoning included."""
        return (usage.output_tokens * self.cost_per_1m_output).scaleb(-6)


PRICE_KEYS = tuple(field.name for field in fields(PricingConfig))
