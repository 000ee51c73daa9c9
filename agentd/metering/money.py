"""Money for people to read; files keep the exact amount."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal


def usd(amount: Decimal, digits: int = 4) -> str:
    """``$0.0035``: rounded for display only, half up, as on a bill."""
    return f"${amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):f}"
