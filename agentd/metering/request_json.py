"""A request as JSON: what processes of one run, and its files, tell each other of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, get_args

from agentd.clock import told_time
from agentd.metering.bounds import told_usd
from agentd.metering.requests import ApiRequest, Thread
from agentd.metering.usage import COUNTS, ModelUsage, whole_count
from agentd.metering.variants import Variants, variants_of

_NAME_CHARS = 200
_THREADS: tuple[Thread, ...] = get_args(Thread)
_MAX_DIGITS = 40


def stamp(moment: datetime) -> str:
    """A time as these files have it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def as_json(request: ApiRequest) -> dict[str, Any]:
    """The object of a request; what is not known of it is left out."""
    usage = {name: getattr(request.usage, name) for name in COUNTS}
    cost = request.usage.reported_cost_usd
    values = {
        "id": request.id,
        "model": request.model,
        "thread": request.thread,
        "usage": {name: count for name, count in usage.items() if count},
        "cost_usd": None if cost is None else f"{cost:f}",
        "web_searches": request.web_searches,
        "variants": dict(request.variants),
        "finish": request.finish,
        "ended": request.ended,
        "estimated": sorted(request.estimated),
        "started_at": request.started_at and stamp(request.started_at),
        "ended_at": request.ended_at and stamp(request.ended_at),
    }
    return {name: value for name, value in values.items() if value not in (None, 0, "", {}, [])}


def _name(told: object) -> str:
    """A model's name as any server may tell it: one line, without control characters, bounded."""
    shown = (each if each.isprintable() else " " for each in str(told or "")[:_NAME_CHARS])
    return " ".join("".join(shown).split())


def of_json(told: Mapping[str, Any]) -> ApiRequest:
    """The request of an object, whatever is wrong with it: that is left out."""
    usage = told.get("usage")
    counts = usage if isinstance(usage, Mapping) else {}
    finish, known_id = told.get("finish"), told.get("id")
    estimated = told.get("estimated")
    return ApiRequest(
        id=known_id if isinstance(known_id, str) else None,
        model=_name(told.get("model")),
        usage=ModelUsage(
            **{name: count_of(counts.get(name)) for name in COUNTS},
            reported_cost_usd=_cost_of(told.get("cost_usd")),
            variants=(),
        ),
        web_searches=count_of(told.get("web_searches")),
        variants=told_variants(told.get("variants")),
        finish=finish if isinstance(finish, str) else None,
        started_at=told_time(told.get("started_at")),
        ended_at=told_time(told.get("ended_at")),
        ended=told.get("ended") is True,
        thread=told_thread(told.get("thread")),
        estimated=frozenset(map(str, estimated)) if isinstance(estimated, list) else frozenset(),
    )


def told_variants(value: object) -> Variants:
    """What multiplies a price, as JSON has it."""
    pairs = value if isinstance(value, dict) else {}
    return variants_of({str(name): str(variant) for name, variant in pairs.items()})


def told_thread(value: object) -> Thread:
    """A thread's name; the main one's for what is none."""
    return next((known for known in _THREADS if known == value), "main")


def count_of(value: object) -> int:
    """A count; 0 for what is none."""
    return whole_count(value) or 0


def _cost_of(value: object) -> Decimal | None:
    """An amount in USD, written as a plain number."""
    if not isinstance(value, str) or len(value) > _MAX_DIGITS:
        return None
    whole, _, part = value.partition(".")
    return told_usd(Decimal(value)) if f"{whole}{part}".isdecimal() and whole.isascii() else None
