"""What multiplies a request's price: its speed, service tier and geography."""

from __future__ import annotations

import re
from collections.abc import Mapping

Variants = tuple[tuple[str, str], ...]
"""Names and values, sorted; empty for the standard price."""

_NAME, _VALUE = r"[a-z][a-z0-9_]*", r"[A-Za-z0-9][A-Za-z0-9_.-]*"
_PAIR = rf"{_NAME}={_VALUE}"
TEXT = rf"{_PAIR}(?:,{_PAIR})*"
"""The pattern of what :func:`as_text` writes."""

UNREADABLE = "unreadable"
_MAX_CHARS = 60
_ORDER = ("speed", "service_tier", "geo")
_STANDARD = ("", "standard", "standard_only", "default", "auto", "global", "not_available")


def variants_of(told: Mapping[str, str]) -> Variants:
    """What is not standard of ``speed``, ``service_tier`` and ``geo``.

    A value that can be no variant's is UNREADABLE: no price is known for it.
    """
    return tuple(
        sorted(
            (name, value if _is_name(value, _VALUE) else UNREADABLE)
            for name, value in told.items()
            if value not in _STANDARD and _is_name(name, _NAME)
        )
    )


def _is_name(text: str, pattern: str) -> bool:
    return len(text) <= _MAX_CHARS and re.fullmatch(pattern, text) is not None


def as_text(variants: Variants) -> str:
    """``speed=fast,geo=us``; "" for the standard price."""
    known = {name: place for place, name in enumerate(_ORDER)}
    ordered = sorted(variants, key=lambda pair: (known.get(pair[0], len(known)), pair))
    return ",".join(f"{name}={value}" if value else name for name, value in ordered)


def from_text(text: str) -> Variants:
    """The variants that :func:`as_text` wrote, in any order; a name alone has the value ""."""
    pairs = (part.partition("=") for part in text.split(",") if part)
    return tuple(sorted((name.strip(), value.strip()) for name, _, value in pairs))
