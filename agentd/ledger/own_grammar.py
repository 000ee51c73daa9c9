"""One call in agentd's own layout, as patterns over its lines and as a row of their groups."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

from agentd.clock import from_iso
from agentd.ledger import fields as entry
from agentd.ledger import newer_layout, scalar
from agentd.ledger.fields import Kind
from agentd.metering.call import CallRecord, PricedModel
from agentd.metering.usage import ModelUsage

Row: TypeAlias = "tuple[Any, ...]"
"""The source text of some keys of a call (None: absent), then ``models`` and the unknown lines."""

ALL = tuple(key for key, kind in entry.KEYS.items() if kind != "models")
LEDGER = ("id", "tokens_in", "tokens_out", "cost_usd", "timestamp")
"""The keys that appending needs."""

TIME = (
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)
ANY = rf"(?:{scalar.STRING}|{TIME}|-?[0-9]++(?:\.[0-9]++)?|\{{\}}|\[\]|~)"

_TEXT = rf"(?!(?:null|true|false|Null|True|False|NULL|TRUE|FALSE)\n){scalar.STRING}"
_PATTERNS: dict[Kind, str] = {
    "text": _TEXT,
    "word": r"(?!(?:null|true|false)\n)[a-z][a-z0-9_-]*",
    "count": r"(?:0|[1-9][0-9]{0,17})",
    "money": r"(?:0|[1-9][0-9]{0,14})\.[0-9]{1,60}",
    "time": TIME,
}


_OF_PARTS = ("tokens_in", "tokens_out", "tokens_cache_read", "cost_usd", "cost_source")
_QUOTES = "'\""


def rows(text: str, position: int, keys: tuple[str, ...]) -> tuple[list[Row], int]:
    """The calls that follow each other from ``position`` on, and the offset behind them."""
    found_rows: list[Row] = []
    match = _call(keys).match
    while True:
        found, end = match(text, position), 0
        if found and _is_sound(found) and not text.startswith("    ", found.end()):
            end = found.end()
        elif (plain := newer_layout.known_part(text, position)) is not None:
            found, end = _call(keys).fullmatch(plain[0]), plain[1]
        if not end or found is None or not _is_sound(found):
            return found_rows, position
        found_rows.append(found.groups())
        position = end


def _is_sound(found: re.Match[str]) -> bool:
    models, unknown = found.groups()[-2:]
    if models and not _models_lines().fullmatch(models):
        return False
    return not unknown or sound_unknown(unknown)


@functools.cache
def _call(keys: tuple[str, ...]) -> re.Pattern[str]:
    """One call: a group for each of the keys, for ``models`` and for the unknown lines."""
    values = {key: f"{'(' if key in keys else '(?:'}{_PATTERNS[entry.KEYS[key]]})" for key in ALL}
    lines = [_line(key, value) for key, value in values.items()]
    lines[:2] = [f"(?:id: {values['id']}\n    )?step: {values['step']}\n"]
    models = "(?:    models:\n((?:    - .+\n(?:      .+\n)+)+))?"
    unknown = f"((?:    (?!(?:{'|'.join(entry.KEYS)}):)[A-Za-z_].*\n)*)"
    return re.compile("  - " + "".join(lines) + models + unknown)


@functools.cache
def _models_lines() -> re.Pattern[str]:
    keys = "".join(
        _line(key, _PATTERNS[entry.KEYS[key]], indent=6, required=entry.MODEL_REQUIRED)
        for key in entry.MODEL_KEYS[1:]
    )
    return re.compile(f"(?:    - model: {_TEXT}\n{keys})+")


def parts(models: str) -> list[tuple[str, ...]]:
    """Of each item of ``models`` the model, tokens in, out and read from a cache, cost, source."""
    return _parts().findall(models)


@functools.cache
def _parts() -> re.Pattern[str]:
    def value(key: str) -> str:
        pattern = _PATTERNS[entry.KEYS[key]]
        return f"({pattern})" if key in _OF_PARTS else f"(?:{pattern})"

    keys = "".join(
        _line(key, value(key), indent=6, required=entry.MODEL_REQUIRED)
        for key in entry.MODEL_KEYS[1:]
    )
    return re.compile(f"    - model: ({_TEXT})\n{keys}")


@functools.cache
def _unknown_lines() -> re.Pattern[str]:
    return re.compile(rf"(?: +[A-Za-z_][A-Za-z0-9_-]*: {ANY}\n)*")


def sound_unknown(lines: str) -> bool:
    """Whether the lines of keys that agentd doesn't know are plain pairs, no key twice."""
    keys = [line.partition(":")[0] for line in lines.splitlines()]
    return not keys or (len(keys) == len(set(keys)) and bool(_unknown_lines().fullmatch(lines)))


def sound_times(times: Iterable[str | None]) -> bool:
    """Whether each time is one that the calendar has."""
    try:
        for time in {time for time in times if time}:
            from_iso(time)
    except ValueError:
        return False
    return True


def _line(
    key: str, value: str, *, indent: int = 4, required: Sequence[str] = entry.REQUIRED
) -> str:
    line = f"{' ' * indent}{key}: {value}\n"
    return line if key in required else f"(?:{line})?"


def record(row: Row) -> CallRecord:
    """The call in a row of ALL keys.

    It is ``entry.from_fields``, three times as fast, because ``agentd status`` reads every call.
    """
    call_id, step, provider, model, status = row[:5]
    cost, source, accuracy, usage_source, duration, timestamp, session_id = row[11:18]
    budget, models = row[18:20]
    cost_usd = Decimal(cost)
    return CallRecord(
        id=_text(call_id) if call_id else "",
        step=_text(step),
        provider=_text(provider) if provider else None,
        model=_text(model),
        status=status or "ok",
        usage=_usage(*row[5:11]),
        cost_usd=cost_usd,
        cost_source=source or entry.guess_source(cost_usd),
        accuracy=accuracy or "exact",
        usage_source=usage_source or "stdout",
        duration_ms=int(duration or 0),
        started_at=from_iso(timestamp) if timestamp else None,
        session_id=_text(session_id) if session_id else None,
        budget=budget,
        models=_models(models) if models else (),
    )


def _text(source: str) -> str:
    return scalar.read_text(source) if source[0] in _QUOTES else source


def _usage(  # noqa: PLR0917
    tokens_in: str,
    tokens_out: str,
    cache_read: str | None,
    cache_write: str | None,
    cache_write_1h: str | None,
    reasoning: str | None,
) -> ModelUsage:
    return ModelUsage(
        input_tokens=int(tokens_in),
        output_tokens=int(tokens_out),
        cache_read_input_tokens=int(cache_read or 0),
        cache_creation_input_tokens=int(cache_write or 0),
        cache_creation_1h_input_tokens=int(cache_write_1h or 0),
        reasoning_output_tokens=int(reasoning or 0),
    )


def _models(source: str) -> tuple[PricedModel, ...]:
    items = source.removeprefix("    - ").removesuffix("\n").split("\n    - ")
    return tuple(_priced_model(dict(_pairs(item))) for item in items)


def _pairs(item: str) -> Iterator[tuple[str, str]]:
    for line in item.split("\n"):
        key, _, value = line.strip(" ").partition(": ")
        yield key, value


def _priced_model(source: dict[str, str]) -> PricedModel:
    raw: dict[str, object] = {}
    for key, value in source.items():
        kind = entry.KEYS[key]
        raw[key] = (
            int(value) if kind == "count" else Decimal(value) if kind == "money" else _text(value)
        )
    return entry.priced_model(entry.read_fields(raw, of_model=True))
