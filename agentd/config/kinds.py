"""What the keys of config.toml take: each function makes the dataclass field of a key.

Its metadata ``read`` takes a table, the key, and what was read of the table so far. It gives the
key's value; None for one that is missing or, once that is reported, wrong. ``takes`` is the same in
the words of JSON Schema, where a class stands for the table that is read into it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import field
from decimal import Decimal
from typing import Any, TypeGuard

from agentd.config.table import Accept, Table
from agentd.metering.bounds import MAX_PRICE_USD, MAX_USD, told_usd
from agentd.metering.rates import NEEDED_PRICES, PRICE_KEYS, PRICE_UNITS, PricingConfig
from agentd.metering.variants import TEXT as VARIANTS

_MAX_INTEGER = 1_000_000_000_000  # keeps every time limit and sum far from an overflow
_MAX_DIGITS = 30
_ANY_TEXT = r".*\S.*"

Takes = Mapping[str, object]


def _key(
    expected: str, accept: Accept, default: object, takes: Takes, *, needed: bool = False
) -> Any:
    def read(table: Table, key: str, so_far: Mapping[str, object]) -> object:
        return table.take(key, expected, accept, needed=needed)

    return field(default=default, metadata={"read": read, "takes": takes, "needed": needed})


def text(
    expected: str,
    default: str | None = None,
    *,
    pattern: str = _ANY_TEXT,
    check: Callable[[str], object] | None = None,
    needed: bool = False,
) -> Any:
    """A string that matches ``pattern`` as a whole; ``check`` raises ValueError for a wrong one."""

    def accept(value: object) -> str | None:
        if not _is_text(value) or not re.fullmatch(pattern, value, re.DOTALL):
            return None
        if check is not None:
            check(value)
        return value

    takes = {"type": "string", "pattern": pattern}
    return _key(expected, accept, "" if needed else default, takes, needed=needed)


def choice(names: Collection[str], default: str | None = None, *, needed: bool = False) -> Any:
    """One of ``names``."""

    def accept(value: object) -> object:
        return value if _is_text(value) and value in names else None

    expected, takes = f"one of {', '.join(names)}", {"enum": names}
    return _key(expected, accept, "" if needed else default, takes, needed=needed)


def provider_name(built_in: Collection[str]) -> Any:
    """The name of a provider: one of ``built_in``, or one that the file gives."""

    def read(table: Table, key: str, so_far: Mapping[str, object]) -> object:
        names = (*built_in, *table.own_providers)
        return table.take(
            key,
            f"one of {', '.join(names)}",
            lambda value: value if _is_text(value) and value in names else None,
        )

    takes = {"type": "string", "examples": built_in}
    return field(default=None, metadata={"read": read, "takes": takes})


def provider_names(built_in: Collection[str]) -> Any:
    """A list of such names, each at most once."""

    def read(table: Table, key: str, so_far: Mapping[str, object]) -> object:
        names = (*built_in, *table.own_providers)
        return table.take(
            key,
            f"a list of {', '.join(names)}, each at most once",
            lambda value: _distinct(value, names),
        )

    items = {"type": "string", "examples": built_in}
    takes = {"type": "array", "items": items, "uniqueItems": True}
    return field(default=(), metadata={"read": read, "takes": takes})


def switch(default: bool) -> Any:
    """True or false."""
    accept: Accept = lambda value: value if isinstance(value, bool) else None  # noqa: E731
    return _key("true or false", accept, default, {"type": "boolean"})


def integer(default: int | None = None, *, minimum: int = 0) -> Any:
    """A whole number of at least ``minimum``."""

    def accept(value: Any) -> object:
        return value if type(value) is int and minimum <= value <= _MAX_INTEGER else None

    takes = {"type": "integer", "minimum": minimum, "maximum": _MAX_INTEGER}
    return _key(f"a whole number from {minimum} to {_MAX_INTEGER}", accept, default, takes)


def number(expected: str, default: Decimal | None = None, *, maximum: int = MAX_USD) -> Any:
    """A number from 0 to ``maximum``, exactly as written."""

    def accept(value: object) -> Decimal | None:
        return _number(value, maximum)

    takes = {"type": "number", "minimum": 0, "maximum": maximum}
    return _key(expected, accept, default, takes)


def numbers(expected: str, default: Decimal, *, maximum: int) -> Any:
    """A number from 0 to ``maximum``, exactly as written, or a list of such."""

    def accept(value: object) -> Decimal | tuple[Decimal, ...] | None:
        if not isinstance(value, list):
            return _number(value, maximum)
        found = [one for item in value if (one := _number(item, maximum)) is not None]
        return tuple(found) if len(found) == len(value) and found else None

    one = {"type": "number", "minimum": 0, "maximum": maximum}
    takes = {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}
    return _key(expected, accept, default, takes)


def texts(
    expected: str, default: tuple[str, ...] | None = (), *, pattern: str | None = None
) -> Any:
    """A list of strings, each of which matches ``pattern`` as a whole."""

    def accept(value: object) -> tuple[str, ...] | None:
        found = _texts(value)
        if pattern and not all(re.fullmatch(pattern, one) for one in found or ()):
            return None
        return found

    items = {"type": "string", "pattern": pattern or ""}
    return _key(expected, accept, default, {"type": "array", "items": items})


def texts_by_name(
    expected: str,
    names: str,
    *,
    pattern: str = r".*\S.*",
    named: str = "a name of small letters, digits, '-' and '_'",
) -> Any:
    """A table of strings that match ``pattern``, below names that match ``names``, as a whole.

    ``named`` says in words what such a name is.
    """

    def accept(value: object) -> str | None:
        return value if _is_text(value) and re.fullmatch(pattern, value, re.DOTALL) else None

    def read(table: Table, key: str, so_far: Mapping[str, object]) -> dict[str, str]:
        below = table.table(key)
        found = {}
        for name in below:
            if not re.fullmatch(names, name):
                below.refuse(name, named)
            elif (value := below.take(name, expected, accept)) is not None:
                found[name] = value
        return found

    values = {"type": "string", "pattern": pattern}
    takes = {"propertyNames": {"pattern": names}, "additionalProperties": values}
    return field(default_factory=dict, metadata={"read": read, "takes": takes})


def choices(names: Collection[str], default: tuple[str, ...] = ()) -> Any:
    """A list of some of ``names``, each at most once."""

    expected = f"a list of {', '.join(names)}, each at most once"
    takes = {"type": "array", "items": {"enum": names}, "uniqueItems": True}
    return _key(expected, lambda value: _distinct(value, names), default, takes)


def section(kind: type, *, inherits: str = "", strict: bool = False, guards: bool = False) -> Any:
    """A table, read into ``kind``; the default of its key ``inherits`` is the one around it.

    ``strict``: an unknown key, here and below, is an error; ``guards``: one that is nearly a known
    one is.
    """

    def read(table: Table, key: str, so_far: Mapping[str, object]) -> object:
        usual = {name: value for name, value in so_far.items() if name == inherits}
        return table.table(key, strict=strict, guards=guards).read(kind, **usual)

    takes = {"section": kind, "strict": strict}
    return field(default_factory=kind, metadata={"read": read, "takes": takes})


def sections(
    kind: type, names: Collection[str], *, of_providers: bool = False, inherits: str = ""
) -> Any:
    """A table of tables with these names, each read into ``kind``; those that the file has.

    ``of_providers``: the names that the file itself gives to providers count too. ``inherits`` as
    of a ``section``.
    """

    def read(table: Table, key: str, so_far: Mapping[str, object]) -> dict[str, object]:
        usual = {name: value for name, value in so_far.items() if name == inherits}
        below = table.table(key)
        known = (*names, *(table.own_providers if of_providers else ()))
        found: dict[str, object] = {name: below.table(name).read(kind, **usual) for name in known}
        below.finish()
        return {name: value for name, value in found.items() if name in below}

    takes = {"sections": kind, "names": names, "of_providers": of_providers}
    return field(default_factory=dict, metadata={"read": read, "takes": takes})


def entries(kind: type, label: str) -> Any:
    """A list of tables, each read into ``kind`` and named in messages by its text ``label``."""

    def read(table: Table, key: str, so_far: Mapping[str, object]) -> tuple[object, ...]:
        return tuple(entry.read(kind) for entry in table.tables(key, label))

    takes = {"entries": kind}
    return field(default=(), metadata={"read": read, "takes": takes})


def prices_beside() -> Any:
    """Prices among a model's other keys; None unless both input and output have one."""

    def read(table: Table, key: str, so_far: Mapping[str, object]) -> PricingConfig | None:
        if any(name in table for name in PRICE_KEYS):
            for name in NEEDED_PRICES:
                table.warn_if_missing(name, "so its other prices are not used")
        return _prices(table)

    return field(default=None, metadata={"read": read, "takes": {"prices": "beside"}})


def prices_by_model() -> Any:
    """A table of tables, each with the prices of the model it is named after."""

    def read(table: Table, key: str, so_far: Mapping[str, object]) -> dict[str, PricingConfig]:
        below = table.table(key)
        found = {name: _prices(below.table(name), needed=True) for name in below}
        return {name: prices for name, prices in found.items() if prices}

    takes = {"prices": "by model"}
    return field(default_factory=dict, metadata={"read": read, "takes": takes})


def _prices(table: Table, *, needed: bool = False) -> PricingConfig | None:
    given = _given_prices(table, needed=NEEDED_PRICES if needed else ())
    below = table.table("variants")
    variants = {name: _variant(below, name, given) for name in below}
    if needed:
        table.finish()
    if None in map(given.get, NEEDED_PRICES):
        return None
    known = {name: prices for name, prices in variants.items() if prices}
    return PricingConfig(**given, variants=known)


def _variant(table: Table, name: str, usual: Mapping[str, Any]) -> PricingConfig | None:
    """Other prices of a model; one that is left out is the usual one."""
    if not re.fullmatch(VARIANTS, name):
        table.take(name, 'a name such as "speed=fast" or "geo=us"', lambda _: None)
        return None
    below = table.table(name)
    given = _given_prices(below)
    below.finish()
    prices = {key: usual[key] if price is None else price for key, price in given.items()}
    return None if None in map(prices.get, NEEDED_PRICES) else PricingConfig(**prices)


def _given_prices(table: Table, *, needed: Collection[str] = ()) -> dict[str, Any]:
    return {
        name: table.take(
            name, f"a price in {unit}, 0 or more", _price, needed=name in needed, guards=True
        )
        for name, unit in PRICE_UNITS.items()
    }


def _is_text(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and "\0" not in value


def _distinct(value: object, names: Collection[str]) -> tuple[str, ...] | None:
    found = _texts(value)
    if found is None or not set(found) <= set(names) or len(set(found)) < len(found):
        return None
    return found


def _texts(value: object) -> tuple[str, ...] | None:
    return tuple(value) if isinstance(value, list) and all(map(_is_text, value)) else None


def _price(value: object) -> Decimal | None:
    return _number(value, MAX_PRICE_USD)


def _number(value: object, maximum: int) -> Decimal | None:
    """Compared before it is made anything else: a number may have a million digits."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    if isinstance(value, Decimal) and not value.is_finite():
        return None
    if not 0 <= value <= maximum:
        return None
    exact = told_usd(Decimal(value))
    if exact != value or len(exact.as_tuple().digits) > _MAX_DIGITS:
        raise ValueError(f"no more than {_MAX_DIGITS} digits")
    return exact
