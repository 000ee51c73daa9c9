"""What a call can have: one bound for all who tell of it, and for the ledger that holds it."""

from __future__ import annotations

from decimal import Decimal

MAX_TOKENS = 10**15
"""No request and no run has more: a larger count is a slip, such as an underflow of 64 bits."""
MAX_USD = 10**12
"""No amount that anybody tells is larger."""
MAX_PRICE_USD = 10**6
"""No price is higher, whatever it is for: what MAX_TOKENS cost then nearly fits the ledger."""

COUNT_DIGITS = 18
"""The ledger's room for a count."""
_MAX_COUNT = int("9" * COUNT_DIGITS)
USD_DIGITS = 15
"""The ledger's room for the dollars of an amount, before the point."""
USD_DECIMALS = 40
"""The ledger's room behind the point."""


def told_usd(amount: Decimal) -> Decimal | None:
    """An amount that somebody tells; None for what can be none, in size or in fineness."""
    if not amount.is_finite() or amount < 0 or amount > MAX_USD:
        return None
    return amount if amount.adjusted() > -USD_DECIMALS else Decimal(0)


def holds_count(value: int) -> bool:
    """Whether the ledger can hold a count."""
    return 0 <= value <= _MAX_COUNT


def holds_usd(amount: Decimal) -> bool:
    """Whether the ledger can hold an amount."""
    if not amount.is_finite() or amount < 0:
        return False
    return not amount or -USD_DECIMALS < amount.adjusted() < USD_DIGITS
