"""Reading token counts out of a CLI's JSON, where anything may be missing or of another type."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from agentd.errors import ParseError
from agentd.metering.bounds import told_usd
from agentd.metering.usage import whole_count


def tokens(block: Mapping[str, Any], key: str) -> int:
    """The count under ``key``; 0 when it is absent or null. Raises ParseError on anything else."""
    value = block.get(key)
    count = 0 if value is None else whole_count(value)
    if count is None:
        raise ParseError(f"malformed usage: {key} is {value!r}; expected a whole number of tokens")
    return count


def has_tokens(block: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """The block itself. Raises ParseError when none of its keys is there: that is no usage."""
    if not any(key in block for key in keys):
        raise ParseError(f"malformed usage: it has none of {', '.join(keys)}")
    return block


def money(block: Mapping[str, Any], key: str) -> Decimal | None:
    """The amount in USD under ``key``, as printed; None when it is absent or can be none."""
    value = block.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    return told_usd(Decimal(str(value)))


def mapping(value: object) -> Mapping[str, Any]:
    """The value when it is an object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def text(value: object) -> str | None:
    """The value when it is a non-empty string."""
    return value if isinstance(value, str) and value else None
