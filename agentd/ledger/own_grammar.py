"""Calls in agentd's own layout: one pattern over their lines, and the columns that it yields."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeAlias

from agentd.ledger import call_keys, scalar
from agentd.ledger.call_keys import Kind
from agentd.ledger.same_call import entries_that_count, ids_twice
from agentd.metering.bounds import COUNT_DIGITS, USD_DIGITS
from agentd.metering.thread_use import TEXT as THREADS
from agentd.metering.variants import TEXT as VARIANTS

Columns: TypeAlias = "Mapping[str, Sequence[Any]]"
"""For some keys of the calls, each one's value as ``call_fields.Fields`` has it; None: absent."""

ALL = tuple(call_keys.KEYS)
SUMS = (
    *("id", "step", "provider", "model", "status", "tokens_in", "tokens_out", "tokens_cache_read"),
    *("cost_usd", "cost_source", "accuracy", "why", "requests", "web_searches"),
    *("price_variant", "threads", "duration_ms", "timestamp", "models"),
)
"""The keys that sums need: with fewer groups a pattern is faster."""
ALIKE = ("id", "head", "tokens_in", "tokens_out", "tokens_cache_read", "cost_usd", "tail", "hour")
"""Not keys but what ``ledger.alike`` has of a call, as text."""
_HEAD = ("step", "provider", "model", "status")
_TAIL = (
    *("cost_source", "accuracy", "why", "usage_source", "requests", "web_searches"),
    *("price_variant", "threads"),
)
LEDGER = ("id", "tokens_in", "tokens_out", "cost_usd", "timestamp", "models")
"""The keys that appending needs."""

TIME = (
    r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(?:\.[0-9]{1,9})?+(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
_IN_PLAIN = "[A-Za-z0-9._/+=,-]*+"
# Wider than what agentd writes, and shorter to compile: a plain scalar that begins with a letter,
# or like a call's id or a UUID, is a string to every reader unless it is one of these words. What
# is quoted is looked at afterwards.
_PLAIN = (
    rf"(?!(?:null|true|false|Null|True|False|NULL|TRUE|FALSE)\n)[A-Za-z]{_IN_PLAIN}"
    rf"|[0-9][0-9a-f]{{7}}(?:T[0-9]{{6}}|-[0-9a-f]{{4}})-{_IN_PLAIN}"
)
_TEXT = rf"(?:{_PLAIN}|['\"].*)"
_PATTERNS: Mapping[Kind, str] = {
    "text": _TEXT,
    "word": r"(?!(?:null|true|false)\n)[a-z][a-z0-9_-]*+",
    "count": rf"(?:[1-9][0-9]{{0,{COUNT_DIGITS - 1}}}+|0)",
    "money": rf"(?:[1-9][0-9]{{0,{USD_DIGITS - 1}}}+|0)\.[0-9]{{1,60}}+",
    "variants": VARIANTS,
    "threads": THREADS,
    "time": TIME,
}
_READ: Mapping[Kind, Callable[[str], Any]] = {
    "count": int,
    "money": Decimal,
    "time": datetime.fromisoformat,
}
_QUOTES = "'\""
_SECOND_TIME = "amended"


def columns(text: str, keys: Sequence[str]) -> Columns | None:
    """The calls that ``text`` is the lines of.

    ``keys`` is LEDGER, SUMS or ALL; there may be more columns. None when a call is not sound: a
    time that no calendar has, a broken quotation, unknown keys that are no YAML by themselves.
    For ALIKE the columns are ``text`` and those, not known to be sound; or those of SUMS where a
    call does not have that shape. Where an id comes twice they are those of ALL.
    """
    if keys is ALIKE:
        parts = _alike().split(text)
        if not any(parts[:: len(ALIKE) + 1]):
            alike = {name: parts[at :: len(ALIKE) + 1] for at, name in enumerate(ALIKE, 1)}
            if not ids_twice(alike["id"]):
                return {"text": text} | alike
        keys = SUMS
    found = _sound(text, keys)
    if found is None:
        from agentd.ledger import newer_layout  # few ledgers need it

        known = newer_layout.known_parts(text)
        found = None if known is None else _sound(known, keys)
    if found is not None and len(found) < len(ALL) and ids_twice(found["id"]):
        return columns(text, ALL)
    return found


def fields(of: Columns) -> list[dict[str, Any]]:
    """The calls of these columns one by one, each without the keys that it has not."""
    return [
        {key: value for key, value in zip(of, values, strict=True) if value is not None}
        for values in zip(*of.values(), strict=True)
    ]


def once(of: Columns) -> Columns:
    """The calls of columns with each id once; those with an id that comes twice have ALL."""
    if "head" in of or not ids_twice(of["id"]):
        return of
    calls = list(entries_that_count(fields(of)))
    return {key: [call.get(key) for call in calls] for key in of}


def _sound(text: str, keys: Sequence[str]) -> Columns | None:
    """The calls that have known keys alone, in their order; None when one has not."""
    quoted = "'" in text or '"' in text
    if quoted or f"\n    {_SECOND_TIME}: " in text:
        keys = ALL  # so that every quotation and every time is looked at
    return _columns(_call(keys), keys, text, quoted)


def _columns(
    pattern: re.Pattern[str], keys: Sequence[str], text: str, quoted: bool
) -> Columns | None:
    """What matches one after the other; None when that is not the whole ``text``."""
    parts = pattern.split(text)  # a third faster than to match one by one
    width = len(keys) + 1
    if any(parts[::width]):
        return None
    try:
        return {key: _values(key, parts[at::width], quoted) for at, key in enumerate(keys, 1)}
    except ValueError:
        return None


def _values(key: str, column: Sequence[Any], quoted: bool) -> Sequence[Any]:
    """The values of one key. Raises ValueError for what is none."""
    kind = call_keys.KEYS[key]
    read = (
        _models if kind == "models" else _unquoted if kind == "text" and quoted else _READ.get(kind)
    )
    if read is None or not any(column):
        return column
    whole = None not in column  # map takes half the time
    return list(map(read, column)) if whole else [value and read(value) for value in column]


def _unquoted(text: str) -> str:
    if text[0] in _QUOTES and not re.fullmatch(f"{scalar.SINGLE}|{scalar.DOUBLE}", text):
        raise ValueError(f"{text} is no YAML string on one line")
    return scalar.read_text(text)


def _models(lines: str) -> list[dict[str, Any]]:
    found = _columns(_model(), call_keys.MODEL_KEYS, lines, True)
    if found is None:
        raise ValueError("models are not in agentd's layout")
    return fields(found)


@functools.cache
def _call(keys: Sequence[str]) -> re.Pattern[str]:
    """One call: a group for each of the keys."""
    values = {
        key: f"{'(' if key in keys else '(?:'}{_PATTERNS[kind]})"
        for key, kind in call_keys.KEYS.items()
        if kind != "models"
    }
    lines = [_line(key, value) for key, value in values.items()]
    lines[:2] = [f"(?:id: {values['id']}\n    )?+step: {values['step']}\n"]
    models = "(?:    models:\n((?:    - .+\n(?:      .+\n)+)+))?+"
    return re.compile("  - " + "".join(lines) + models)


@functools.cache
def _alike() -> re.Pattern[str]:
    """One call of one model with an id: a group for each of ALIKE."""
    values = {key: _PATTERNS[kind] for key, kind in call_keys.KEYS.items() if kind != "models"}
    values |= dict.fromkeys(_HEAD, ".+")
    values |= {key: f"({values[key]})" for key in ALIKE[2:6]}
    values["session_id"] = f"(?:{_PLAIN})"
    values["timestamp"] = "([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}):[0-5][0-9]:[0-5][0-9]Z"
    lines = {key: _line(key, value) for key, value in values.items() if key not in _TAIL}
    del lines[_SECOND_TIME]  # few calls have it
    lines["id"] = f"  - id: ({_PLAIN})\n"
    lines["step"] = f"({lines['step']}"
    lines["status"] += ")"
    # Those of _TAIL, by as little as sets them apart from what follows.
    lines["cost_usd"] += r"(    cost_source: .+\n(?:    (?:[aourwp]|thr).+\n)*+)"
    return re.compile("".join(lines.values()))


@functools.cache
def _model() -> re.Pattern[str]:
    """One item of ``models``: a group for each of MODEL_KEYS."""
    keys = "".join(
        _line(
            key, f"({_PATTERNS[call_keys.KEYS[key]]})", indent=6, required=call_keys.MODEL_REQUIRED
        )
        for key in call_keys.MODEL_KEYS[1:]
    )
    return re.compile(f"    - model: ({_TEXT})\n{keys}")


def _line(
    key: str, value: str, *, indent: int = 4, required: Sequence[str] = call_keys.REQUIRED
) -> str:
    line = f"{' ' * indent}{key}: {value}\n"
    return line if key in required else f"(?:{line})?+"
