"""Amounts of money: taken exactly as given, rounded only for people to read."""

from __future__ import annotations

from decimal import (
    MAX_EMAX,
    MAX_PREC,
    MIN_EMIN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    InvalidOperation,
)

Price = int | float | str | Decimal

# No sum, product or rounded amount has more digits than this holds, so none is ever inexact
# (the decimal module's FAQ); the caller's own context may be a narrow one.
EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)


def exact_usd(name: str, value: Price, *, unit: str = "") -> Decimal:
    """``value`` as the number it is written as: 0.1 is a tenth, though a float.

    Raises ValueError naming ``name`` (and the ``unit``, if given) for what is no finite number of
    at least 0.
    """
    try:
        # repr() of a float is the shortest text that reads back as it: what the user wrote.
        amount = Decimal(float.__repr__(value) if isinstance(value, float) else value)
    except (InvalidOperation, TypeError, ValueError):
        amount = Decimal("NaN")
    if isinstance(value, bool) or not amount.is_finite() or amount < 0:
        expected = "expected a number of at least 0" + (f" ({unit})" if unit else "")
        raise ValueError(f"{name} is {value!r}; {expected}")
    return amount


def usd(amount: Decimal, digits: int = 4) -> str:
    """``$0.0035``: rounded for display only, half up, as on a bill."""
    return f"${amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):f}"


def plain_usd(amount: Decimal) -> str:
    """``1.25``, ``10``: exact, without zeros at the end and without a dollar sign."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
