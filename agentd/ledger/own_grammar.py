"""Calls in agentd's own layout: one pattern over their lines, and the columns that it yields."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from agentd.ledger import call_keys, scalar
from agentd.ledger.call_keys import Kind

Columns: TypeAlias = "Mapping[str, Sequence[Any]]"
"""For some keys of the calls, each one's value: None where it is absent, text and words as they
are, counts and money as digits, a time as a datetime, ``models`` as a tuple of MODEL_KEYS' values.
"""

ALL = tuple(call_keys.KEYS)
SUMS = (
    *("id", "step", "provider", "model", "status", "tokens_in", "tokens_out", "tokens_cache_read"),
    *("cost_usd", "cost_source", "accuracy", "duration_ms", "timestamp", "models"),
)
"""The keys that sums need: with fewer groups a pattern is faster."""
LEDGER = ("id", "tokens_in", "tokens_out", "cost_usd", "timestamp", "models")
"""The keys that appending needs."""

TIME = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(?:\.[0-9]{1,9})?+(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_ANY = rf"(?:{scalar.STRING}|{TIME}|-?[0-9]++(?:\.[0-9]++)?|\{{\}}|\[\]|~)"

_IN_PLAIN = "[A-Za-z0-9._/+-]*+"
# Wider than what agentd writes, and shorter to compile: a plain scalar that begins with a letter,
# or like a call's id or a UUID, is a string to every reader unless it is one of these words. What
# is quoted is looked at afterwards.
_TEXT = (
    rf"(?:(?!(?:null|true|false|Null|True|False|NULL|TRUE|FALSE)\n)[A-Za-z]{_IN_PLAIN}"
    rf"|[0-9][0-9a-f]{{7}}(?:T[0-9]{{6}}|-[0-9a-f]{{4}})-{_IN_PLAIN}|['\"].*)"
)
_PATTERNS: Mapping[Kind, str] = {
    "text": _TEXT,
    "word": r"(?!(?:null|true|false)\n)[a-z][a-z0-9_-]*+",
    "count": r"(?:[1-9][0-9]{0,17}+|0)",
    "money": r"(?:[1-9][0-9]{0,14}+|0)\.[0-9]{1,60}+",
    "time": TIME,
}
_QUOTES = "'\""
_UNKNOWN = ""
"""The column of the lines of keys that agentd doesn't know."""


def columns(text: str, position: int, keys: Sequence[str]) -> tuple[Columns, int] | None:
    """The calls that follow each other from ``position`` on, and the offset behind them.

    ``keys`` is LEDGER, SUMS or ALL; there may be more columns. None when a call is not sound: a
    time that no calendar has, a broken quotation, unknown keys that are no YAML by themselves.
    """
    found, end = _sound(text, position, keys)
    if found is None or text.startswith(("    ", "  - "), end):
        from agentd.ledger import newer_layout  # few ledgers need it

        known, end = newer_layout.known_parts(text, position)
        found, known_end = _sound(known, 0, keys)
        if known_end < len(known):
            return None
    return None if found is None else (found, end)


def _sound(text: str, position: int, keys: Sequence[str]) -> tuple[Columns | None, int]:
    """The calls with at most simple unknown keys at their end; None for one that is not sound."""
    quoted = text.find("'", position) >= 0 or text.find('"', position) >= 0
    if quoted:
        keys = ALL  # so that every quotation is looked at
    rows, end = _rows(_call(keys), text, position)
    found = _columns((*keys, _UNKNOWN), rows)
    if not all(map(sound_unknown, filter(None, found.pop(_UNKNOWN)))):
        return None, end
    try:
        return {key: _values(key, found[key], quoted) for key in keys}, end
    except ValueError:
        return None, end


def _rows(pattern: re.Pattern[str], text: str, position: int) -> tuple[list[Any], int]:
    """The groups of the matches that follow each other, and the offset behind the last."""
    rows = []
    match = pattern.match
    while found := match(text, position):
        rows.append(found.groups())
        position = found.end()
    return rows, position


def _columns(keys: Sequence[str], rows: Sequence[Any]) -> dict[str, Sequence[Any]]:
    return (
        dict(zip(keys, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(keys, ())
    )


def _values(key: str, column: Sequence[str | None], quoted: bool) -> Sequence[Any]:
    """The values of one key. Raises ValueError for what is none."""
    kind = call_keys.KEYS[key]
    if kind == "models":
        return [_models(value) if value else () for value in column] if any(column) else column
    if kind == "text" and quoted:
        return [value and _unquoted(value) for value in column]
    if kind == "time":
        read = datetime.fromisoformat
        return [value and read(value) for value in column]
    return column


def _unquoted(text: str) -> str:
    if text[0] in _QUOTES and not re.fullmatch(f"{scalar.SINGLE}|{scalar.DOUBLE}", text):
        raise ValueError(f"{text} is no YAML string on one line")
    return scalar.read_text(text)


def _models(lines: str) -> tuple[tuple[str | None, ...], ...]:
    rows, end = _rows(_model(), lines, 0)
    if end < len(lines):
        raise ValueError("models are not in agentd's layout")
    found = _columns(call_keys.MODEL_KEYS, rows)
    return tuple(
        zip(*(_values(key, found[key], True) for key in call_keys.MODEL_KEYS), strict=True)
    )


@functools.cache
def _call(keys: Sequence[str]) -> re.Pattern[str]:
    """One call: a group for each of the keys, and for the unknown lines."""
    values = {
        key: f"{'(' if key in keys else '(?:'}{_PATTERNS[kind]})"
        for key, kind in call_keys.KEYS.items()
        if kind != "models"
    }
    lines = [_line(key, value) for key, value in values.items()]
    lines[:2] = [f"(?:id: {values['id']}\n    )?+step: {values['step']}\n"]
    models = "(?:    models:\n((?:    - .+\n(?:      .+\n)+)+))?+"
    unknown = f"((?:    (?!(?:{'|'.join(call_keys.KEYS)}):)[A-Za-z_].*\n)*)"
    return re.compile("  - " + "".join(lines) + models + unknown)


@functools.cache
def _model() -> re.Pattern[str]:
    """One item of ``models``: a group for each of MODEL_KEYS."""
    keys = "".join(
        _line(
            key,
            f"({_PATTERNS[call_keys.KEYS[key]]})",
            indent=6,
            required=call_keys.MODEL_REQUIRED,
        )
        for key in call_keys.MODEL_KEYS[1:]
    )
    return re.compile(f"    - model: ({_TEXT})\n{keys}")


def _line(
    key: str, value: str, *, indent: int = 4, required: Sequence[str] = call_keys.REQUIRED
) -> str:
    line = f"{' ' * indent}{key}: {value}\n"
    return line if key in required else f"(?:{line})?+"


def sound_unknown(lines: str) -> bool:
    """Whether the lines of keys that agentd doesn't know are plain pairs, no key twice."""
    pairs = [line.lstrip(" ").partition(": ") for line in lines.splitlines()]
    keys = [key for key, _, _ in pairs]
    return len(keys) == len(set(keys)) and all(
        re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", key) and re.fullmatch(_ANY, value)
        for key, _, value in pairs
    )
