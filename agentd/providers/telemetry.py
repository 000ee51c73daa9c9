"""What the events of a CLI's own telemetry tell of its requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from agentd.clock import told_time
from agentd.frozen import frozen
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import whole_count

Value = str | int | float | bool


@frozen(kw_only=True)
class Heard:
    """A request that has ended, or begun (then only its model is known).

    The requests of one ``conversation`` follow one another.
    """

    conversation: str
    request: ApiRequest


ReadEvent = Callable[[str, Mapping[str, Value]], Heard | None]
"""From an event's name and attributes to what it tells of a request; None when nothing."""


def count(attributes: Mapping[str, Value], name: str) -> int:
    """A count, which some CLIs write as text; 0 when it is none, or one that no run can have."""
    return _count(attributes.get(name, 0)) or 0


def malformed(
    attributes: Mapping[str, Value], fields: Mapping[str, tuple[str, ...]]
) -> frozenset[str]:
    """The fields of a usage of which an attribute is there and is no count."""
    return frozenset(
        field
        for field, names in fields.items()
        if any(name in attributes and _count(attributes[name]) is None for name in names)
    )


def _count(value: Value) -> int | None:
    try:
        return whole_count(int(value) if isinstance(value, str) else value)
    except (ValueError, OverflowError):  # no number, or an infinite one
        return None


def moment(attributes: Mapping[str, Value]) -> datetime | None:
    """When the event happened."""
    return told_time(attributes.get("event.timestamp"))
