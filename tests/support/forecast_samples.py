"""Calls and whole histories for the tests of forecasts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from agentd.ledger.rows import Row
from agentd.ledger.store import StateStore
from agentd.metering.call import CallRecord
from agentd.metering.usage import ModelUsage
from agentd.reports.forecast.visits import Visit
from agentd.workflow.steps import STEPS
from support.state_samples import CALL

DAY = 86_400.0


def row(step: str = "review", cost: str = "0.5", *, at: float | None = 0.0, **more: Any) -> Row:
    """A call that ended ok; ``at`` is in days."""
    usual: dict[str, Any] = {
        "change_id": "add-oauth",
        "call_id": f"{step}-{at}-{cost}",
        "step": step,
        "provider": "codex",
        "model": "gpt-5",
        "status": "ok",
        "tokens_in": 900,
        "tokens_out": 100,
        "tokens_cache_read": 0,
        "web_searches": 0,
        "cost_usd": Decimal(cost),
        "cost_source": "config",
        "accuracy": "exact",
        "duration_ms": 1000,
        "started_at": None if at is None else 1_760_000_000 + at * DAY,
    }
    return Row(**{**usual, **more})


def visit(number: int, cost: str | None, **more: Any) -> Visit:
    """The visit of a change of its own, a day after that of the number before."""
    at = 1_760_000_000 + number * DAY
    usual: dict[str, Any] = {
        "change_id": f"change-{number}",
        "step": "review",
        "provider": "codex",
        "model": "gpt-5",
        "call_id": f"call-{number}",
        "calls": 1,
        "cost_usd": None if cost is None else Decimal(cost),
        "tokens": Decimal(1000 + number),
        "started_at": at,
        "ended_at": at + 60,
    }
    return Visit(**{**usual, **more})


def call(step: str, cost: str, day: int, **more: Any) -> CallRecord:
    """A call of gemini for a ledger; the steps of a day follow one another."""
    minute = list(STEPS).index(step)
    started_at = datetime(2026, 1 + day // 28, 1 + day % 28, 9, minute, tzinfo=UTC)
    values: dict[str, Any] = {
        "id": f"{started_at:%Y%m%dT%H%M%S}-{step}-{day:08x}",
        "step": step,
        "usage": ModelUsage(input_tokens=1000 * day, output_tokens=10),
        "cost_usd": Decimal(cost),
        "duration_ms": 1000,
        "started_at": started_at,
        **more,
    }
    return replace(CALL, **values)


def put_ledger(folder: Path, change_id: str, calls: list[CallRecord], *, phase: str) -> None:
    """A change with these calls; ``folder`` is where changes, or archived ones, lie."""
    store = StateStore(folder)
    store.create(change_id, phase=phase)
    for record in calls:
        store.append(record)
