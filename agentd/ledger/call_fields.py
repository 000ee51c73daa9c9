"""A call's names in STATE.yaml and call.json: the one translation from and to CallRecord."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from agentd.clock import told_time
from agentd.json_value import json_value
from agentd.ledger import scalar
from agentd.ledger.call_keys import KEYS, MODEL_KEYS, MODEL_REQUIRED, REQUIRED, Kind, guess_source
from agentd.metering.bounds import holds_count, holds_usd
from agentd.metering.call import CallRecord, PricedModel
from agentd.metering.usage import ModelUsage
from agentd.metering.variants import as_text, from_text

Value: TypeAlias = "str | int | Decimal | datetime | list[dict[str, Value]]"
Fields: TypeAlias = dict[str, Value]

EXPECTED: Mapping[Kind, str] = {
    "text": "text",
    "word": "a word",
    "count": "a whole number, 0 or more",
    "money": "an amount in USD, 0 or more, such as 0.0035",
    "variants": "what the price was for, such as speed=fast",
    "threads": "what other threads used, such as subagent=1200/30/600/0.0012",
    "time": "a time such as 2026-11-22T05:40:52Z",
    "models": "a list of models",
}
"""How each kind of value is described to users."""


_TOKENS = {
    "tokens_in": "input_tokens",
    "tokens_out": "output_tokens",
    "tokens_cache_read": "cache_read_input_tokens",
    "tokens_cache_write": "cache_creation_input_tokens",
    "tokens_cache_write_1h": "cache_creation_1h_input_tokens",
    "tokens_reasoning": "reasoning_output_tokens",
    "web_searches": "web_searches",
}
"""What ModelUsage calls the counts; what else a record has is called as in the ledger."""


_NAMES = {"timestamp": "started_at"}


def to_fields(record: CallRecord) -> Fields:
    """A call as STATE.yaml names it, in the layout's order.

    Raises ValueError for what no call can have: negative counts, costs that are no finite number.
    """
    return _fields_of(record, KEYS)


def _fields_of(record: Any, keys: Iterable[str]) -> Fields:
    """Of a CallRecord, or of a PricedModel."""
    found: dict[str, Any] = {}
    for key in keys:
        if key in _TOKENS:
            count = getattr(record.usage, _TOKENS[key])
            found[key] = count if count or key in REQUIRED else None
        elif key == "price_variant":
            found[key] = as_text(record.usage.variants) or None
        elif key == "models":
            found[key] = [_fields_of(model, MODEL_KEYS) for model in record.models] or None
        elif KEYS[key] == "time":
            at = getattr(record, _NAMES.get(key, key))
            found[key] = at and at.astimezone(UTC).replace(microsecond=0)
        else:
            found[key] = getattr(record, key)
    return {key: read_value(key, value) for key, value in found.items() if value is not None}


def from_fields(fields: Mapping[str, Any]) -> CallRecord:
    """The call in fields that :func:`read_value` checked.

    What the original agentd did not write is taken as: id "", status ok, duration and time None.
    """
    return CallRecord(**{**_ABSENT, **_attributes(fields)})


_ABSENT = {
    "id": "",
    "provider": None,
    "status": "ok",
    "accuracy": "exact",
    "usage_source": "stdout",
    "duration_ms": None,
    "started_at": None,
}


def _attributes(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The record's arguments, for a call or one item of its ``models``."""
    found: dict[str, Any] = {}
    used: dict[str, Any] = {}
    for key, value in fields.items():
        if key in _TOKENS:
            used[_TOKENS[key]] = value
        elif key == "price_variant":
            used["variants"] = from_text(value)
        elif key == "models":
            found[key] = tuple(PricedModel(**_attributes(model)) for model in value)
        else:
            found[_NAMES.get(key, key)] = value
    source = found.get("cost_source") or guess_source(found["cost_usd"])
    return {**found, "cost_source": source, "usage": ModelUsage(**used)}


def read_value(key: str, raw: object) -> Value:
    """``raw`` (text, int, Decimal, time or list) as the value of ``key``.

    Raises ValueError that says which key, which value and what was expected.
    """
    value: Value | None = _READERS.get(KEYS[key], _text)(raw)
    if value is None:
        shown = "empty" if raw is None else repr(raw) if isinstance(raw, str) else str(raw)
        raise ValueError(f"{key} is {shown[:80]}; expected {EXPECTED[KEYS[key]]}")
    return value


def read_fields(raw: Mapping[str, object], *, of_model: bool = False) -> Fields:
    """The known keys of one call (or one item of ``models``), checked; null is as good as absent.

    Raises ValueError for a wrong value or a missing key.
    """
    known = MODEL_KEYS if of_model else KEYS
    fields = {
        key: read_value(key, raw[key]) for key in known if key in raw and raw[key] is not None
    }
    for key in MODEL_REQUIRED if of_model else REQUIRED:
        if key not in fields:
            raise ValueError(f"{'a model of a call' if of_model else 'a call'} has no {key}")
    return fields


def _text(raw: object) -> str | None:
    return scalar.clean(raw) if isinstance(raw, str) else None


def _count(raw: object) -> int | None:
    return raw if type(raw) is int and holds_count(raw) else None


def _money(raw: object) -> Decimal | None:
    if type(raw) is int:
        raw = Decimal(raw)
    return raw if isinstance(raw, Decimal) and holds_usd(raw) else None


def _time(raw: object) -> datetime | None:
    return raw if isinstance(raw, datetime) else told_time(raw)


def _models(raw: object) -> Value | None:
    if not isinstance(raw, list) or not all(isinstance(item, dict) for item in raw):
        return None
    return [read_fields(item, of_model=True) for item in raw]


_READERS: Mapping[Kind, Any] = {
    "count": _count,
    "money": _money,
    "time": _time,
    "models": _models,
}
"""Those of what is no text; of words and variants a newer agentd may write others."""


def from_json(text: str) -> CallRecord:
    """The call that ``render.json_line`` wrote. Raises ValueError when it is none."""
    raw = json_value(text, exact=True)
    return from_fields(read_fields(raw if isinstance(raw, dict) else {}))
