"""A call as reports read it."""

from __future__ import annotations

from decimal import Decimal

from agentd.ledger.rows import Row

AT = 1_764_000_000.0  # 2025-11-24T16:00:00Z

CALL = Row(
    change_id="add-oauth",
    call_id="c",
    step="review",
    provider="codex",
    model="gpt-5.1-codex",
    status="ok",
    tokens_in=100,
    tokens_out=10,
    tokens_cache_read=50,
    web_searches=0,
    cost_usd=Decimal("0.01"),
    cost_source="catalog",
    accuracy="exact",
    duration_ms=1,
    started_at=AT,
)
