"""Values of an API's answer that may be absent, null or of a wrong type: then they are unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_TOKENS = 10**15


def tokens(block: Mapping[str, Any], name: str) -> int:
    """A token count; 0 for what is no number from 0 to 10**15. A float counts if it is whole."""
    value = block.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(value) if 0 <= value <= MAX_TOKENS and value == int(value) else 0


def mapping(value: object) -> Mapping[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> list[Mapping[str, Any]]:
    """The objects of an array."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def text(value: object) -> str:
    """The string, or ""."""
    return value if isinstance(value, str) else ""
