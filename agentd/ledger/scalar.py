"""One YAML scalar, written so that PyYAML (YAML 1.1), ruamel and js-yaml (1.2) agree on it."""

from __future__ import annotations

import re

from agentd.metering.thread_use import TEXT as THREADS
from agentd.metering.variants import TEXT as VARIANTS

PLAIN = r"[A-Za-z][A-Za-z0-9]*+(?:[._/+-][A-Za-z0-9]++)*+"
"""A plain scalar that is a string for every reader unless it is a RESERVED word."""

CALL_ID = r"[0-9]{8}T[0-9]{6}-[a-z-]*[g-z][a-z-]*-[0-9a-f]{8}"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# Both start with a digit, but no number or time of YAML 1.1 or 1.2 has a "-" at these places.

RESERVED = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
"""Booleans and null of YAML 1.1, in lower case."""

SINGLE = r"'(?:[^'\n]|'')*+'"
DOUBLE = r'"(?:[^"\\\n]|\\["\\/bfnrt]|\\u(?![dD][89abAB])[0-9a-fA-F]{4})*+"'
"""A quoted scalar on one line; the double-quoted kind is also a JSON string with the same value."""

# As texts, these three: only what writes compiles them.
UNPRINTABLE = "[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]"
"""Characters that can't stand in a YAML line, or that only YAML 1.1 takes for line breaks."""

_SURROGATE = "[\ud800-\udfff]"
_SURE = rf"(?:{PLAIN}|{VARIANTS}|{THREADS}|{CALL_ID}|{UUID})"


def clean(value: str) -> str:
    """``value`` with U+FFFD for half a surrogate pair (from JSON), which UTF-8 can't hold."""
    return re.sub(_SURROGATE, "\ufffd", value)


def text(value: str) -> str:
    """The :func:`clean` value as a YAML string: plain where surely a string, else quoted."""
    if re.fullmatch(_SURE, value) and value.lower() not in RESERVED:
        return value
    value = clean(value)
    if re.search(UNPRINTABLE, value):
        import json

        quoted = json.dumps(value, ensure_ascii=False)
        return re.sub(UNPRINTABLE, lambda match: f"\\u{ord(match[0]):04x}", quoted)
    return "'" + value.replace("'", "''") + "'"


def read_text(source: str) -> str:
    """The value of a string on one line, plain or as SINGLE or DOUBLE match it."""
    if source.startswith("'"):
        return source[1:-1].replace("''", "'")
    if source.startswith('"'):
        import json  # takes longer to load than most ledgers to read

        return str(json.loads(source))
    return source
