"""JSON with every digit of its amounts."""

from __future__ import annotations

import json
import re
from decimal import Decimal

# Sound JSON, but a terminal obeys some of them, and half a surrogate pair can't be written.
_ODD = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def json_text(value: object, indent: str = "\n") -> str:
    """``value`` as JSON, indented by two; a Decimal becomes a number with exactly its digits.

    What JSON does not know, such as a path, becomes text.
    """
    inner = indent + "  "
    match value:
        case dict() if value:
            items = [f"{json_text(str(key))}: {json_text(value[key], inner)}" for key in value]
            return f"{{{inner}{f',{inner}'.join(items)}{indent}}}"
        case list() | tuple() if value:
            items = [json_text(item, inner) for item in value]
            return f"[{inner}{f',{inner}'.join(items)}{indent}]"
        case Decimal():
            return f"{value:f}"
        case dict() | list() | tuple() | int() | float() | None:
            return json.dumps(value)
        case _:
            return _ODD.sub(_escaped, json.dumps(str(value), ensure_ascii=False))


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
