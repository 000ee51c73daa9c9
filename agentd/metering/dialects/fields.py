"""Values of an API's answer that may be absent, null or of a wrong type: then they are unknown."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agentd.metering.bounds import told_usd
from agentd.metering.usage import whole_count


def tokens(block: Mapping[str, Any], name: str) -> int:
    """A token count; 0 for what is no whole number from 0 to MAX_TOKENS."""
    return whole_count(block.get(name)) or 0


def amount_usd(block: Mapping[str, Any], name: str) -> Decimal | None:
    """An amount of money; None where it is absent, or can be none."""
    value = block.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return told_usd(Decimal(str(value)))


def is_told(block: Mapping[str, Any], *names: str) -> bool:
    """Whether a usage block has a word on each of these counts."""
    return all(block.get(name) is not None for name in names)


def malformed(*counts: tuple[str, Mapping[str, Any], tuple[str, ...]]) -> frozenset[str]:
    """Of (field, block, names) the fields of which a count is there and is none."""
    return frozenset(
        field
        for field, block, names in counts
        if any(block.get(name) is not None and whole_count(block[name]) is None for name in names)
    )


def mapping(value: object) -> Mapping[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> list[Mapping[str, Any]]:
    """The objects of an array."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def text(value: object) -> str:
    """The string, or ""."""
    return value if isinstance(value, str) else ""
