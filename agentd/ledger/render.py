"""A call as text: the lines of STATE.yaml, and one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from agentd.clock import iso
from agentd.ledger import scalar
from agentd.ledger.call_fields import Fields, Value
from agentd.metering.money import decimal_text


def yaml_lines(fields: Fields) -> Iterator[str]:
    """One call as lines of STATE.yaml, without newlines."""
    lead = "  - "
    for key, value in fields.items():
        if isinstance(value, list):
            yield f"{lead}{key}:"
            for item in value:
                pairs = [f"{name}: {yaml_value(inner)}" for name, inner in item.items()]
                yield f"    - {pairs[0]}"
                yield from (f"      {pair}" for pair in pairs[1:])
        else:
            yield f"{lead}{key}: {yaml_value(value)}"
        lead = "    "


def yaml_value(value: Value) -> str:
    """A scalar as it stands in STATE.yaml."""
    if isinstance(value, str):
        return scalar.text(value)
    return _number(value)


def json_line(fields: Fields) -> str:
    """One call as JSON on one line; money keeps every digit."""
    return "{" + ", ".join(f"{json.dumps(key)}: {_json(fields[key])}" for key in fields) + "}"


def _json(value: Value) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(json_line(item) for item in value) + "]"
    if isinstance(value, str | datetime):
        return json.dumps(value if isinstance(value, str) else iso(value))
    return _number(value)


def _number(value: object) -> str:
    if isinstance(value, Decimal):
        return decimal_text(value)
    return iso(value) if isinstance(value, datetime) else str(value)
