"""What leaves for the page: JSON without keys, and server-sent events."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from agentd.masking import without_keys
from agentd.text import plain


def as_bytes(document: object) -> bytes:
    """The document as JSON in UTF-8, without secret values and without what steers a terminal."""
    text = _dumped(document, plain)
    # The values of secret variables as they stand in the text.
    escaped = {name: _dumped(value, plain)[1:-1] for name, value in os.environ.items()}
    if without_keys(text, escaped) != text:
        text = _dumped(document, lambda told: without_keys(plain(told), os.environ))
    return text.encode()


def event(name: str, data: bytes) -> bytes:
    """One server-sent event; the data is one line, as JSON is."""
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"


def _dumped(document: object, clean: Callable[[str], str]) -> str:
    return json.dumps(_clean(document, clean), ensure_ascii=False, separators=(",", ":"))


def _clean(value: Any, clean: Callable[[str], str]) -> Any:
    match value:
        case str():
            return clean(value)
        case Mapping():
            return {clean(key): _clean(one, clean) for key, one in value.items()}
        case list() | tuple():
            return [_clean(one, clean) for one in value]
        case Decimal():
            return str(value)
        case _:
            return value
