"""Amounts of money: taken exactly as given, rounded only for people to read."""

from __future__ import annotations

import contextlib
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, ROUND_HALF_UP, Context, Decimal, InvalidOperation

Price = int | float | str | Decimal

# No sum, product or rounded amount has more digits than this holds, so none is ever inexact
# (the decimal module's FAQ); the caller's own context may be a narrow one.
EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)

_ROUNDING_USD = Decimal("1e-9")
_NOISE_USD = Decimal("1e-12")  # no price of a token is below 1e-10 USD


def exact_usd(name: str, value: Price, *, unit: str = "") -> Decimal:
    """``value`` as the number it is written as: 0.1 is a tenth, though a float.

    Raises ValueError naming ``name`` (and the ``unit``, if given) for what is no finite number of
    at least 0.
    """
    amount = Decimal("NaN")
    # A bool is an int, and Decimal takes a tuple, too.
    if isinstance(value, Price) and not isinstance(value, bool):
        # repr() of a float is the shortest text that reads back as it: what the user wrote.
        with contextlib.suppress(InvalidOperation, ValueError):
            amount = Decimal(float.__repr__(value) if isinstance(value, float) else value)
    if not amount.is_finite() or amount < 0:
        expected = "expected a number of at least 0" + (f" ({unit})" if unit else "")
        raise ValueError(f"{name} is {value!r}; {expected}")
    return amount


def exact_share(name: str, value: Price) -> Decimal:
    """``value``, a share such as 0.9 for 90 %, as the number it is written as.

    Raises ValueError naming ``name`` for what is no finite number of at least 0.
    """
    try:
        return exact_usd(name, value)
    except ValueError as error:
        raise ValueError(f"{error}, such as 0.9 for 90 %") from None


def near(one: Decimal, other: Decimal) -> bool:
    """Whether two amounts are the same but for the rounding of binary floating point."""
    return abs(one - other) <= max(_ROUNDING_USD, abs(other) * _ROUNDING_USD)


def without_float_noise(amount: Decimal) -> Decimal:
    """0.03 for 0.030000000000000002, which a sum of floats may give for it."""
    return EXACT.quantize(amount, _NOISE_USD).normalize(EXACT) if amount else amount


def usd(amount: Decimal, digits: int | None = 6, *, signed: bool = False) -> str:
    """``$0.003500``, ``-$1,500.000000``: rounded for display only, half up, as on a bill.

    What is not zero gets the digits that show it: ``$0.00000028``. ``digits`` None: every digit,
    ``$0.00352315``. ``signed``: a plus before what is above 0.
    """
    sign = "-" if amount < 0 else "+" if signed and amount > 0 else ""
    size = amount.copy_abs()  # abs() would round to the caller's context
    if digits is None:
        return f"{sign}${plain_number(size, grouped=True)}"
    shown = rounded(size, digits)
    if size and not shown:
        shown = rounded(size, 1 - size.adjusted())
    return f"{sign}${shown:,f}"


def rounded(amount: Decimal, digits: int) -> Decimal:
    """The amount with so many decimals, half up."""
    return amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, EXACT)


def total_cost(amount: Decimal) -> str:
    """``Total Cost: $1234.5000``: the line that programs read, with no separators."""
    return f"Total Cost: {usd(amount, 4).replace(',', '')}"


def plain_number(amount: Decimal, *, grouped: bool = False) -> str:
    """``1.25``, ``10``: exact, without zeros at the end or an exponent; ``grouped``: ``1,000``."""
    text = f"{amount:z,f}" if grouped else f"{amount:zf}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def decimal_text(amount: Decimal) -> str:
    """``0.00003``, ``12.0``: as :func:`plain_number`, with a point, for JSON and YAML."""
    whole, _, fraction = f"{amount:zf}".partition(".")
    return f"{whole}.{fraction.rstrip('0') or '0'}"
