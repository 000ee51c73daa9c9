"""A project with calls of every kind of cost, to be exported."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from agentd.metering.call import CallRecord, PricedModel
from agentd.metering.usage import ModelUsage
from support.cost_box import CONFIG, add, call
from support.workspace import Sandbox, make_sandbox

TINY = Decimal("0.000000000000000000000000000001")
BEGAN = datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC)
USED = ModelUsage(
    input_tokens=100, output_tokens=10, cache_read_input_tokens=40, reasoning_output_tokens=4
)


def _several() -> CallRecord:
    """Three models: one with a price, one of Amazon's, one without a price."""
    parts = (
        ("claude-sonnet-4-5", Decimal("0.3"), "catalog"),
        ("us.anthropic.claude-opus-4-5-20251101-v1:0", Decimal("0.07"), "config"),
        ("new-model", Decimal(0), "none"),
    )
    models = tuple(
        PricedModel(model=model, usage=USED, cost_usd=cost_usd, cost_source=source)  # type: ignore[arg-type]
        for model, cost_usd, source in parts
    )
    whole = ModelUsage(
        input_tokens=300, output_tokens=30, cache_read_input_tokens=120, reasoning_output_tokens=12
    )
    return call(
        3,
        provider="claude",
        model="claude-sonnet-4-5",
        usage=whole,
        cost_usd=Decimal("0.37"),
        models=models,
        duration_ms=2_001,
    )


def export_box(folder: Path) -> Sandbox:
    """Two changes, one of them archived, with seven and one calls."""
    box = make_sandbox(folder, CONFIG.replace('"x"', '"my project"'))
    free = {"cost_usd": Decimal(0), "cost_source": "none"}
    nothing = ModelUsage()
    add(
        box,
        "old",
        call(0, cost_usd=TINY, provider="codex", model="gpt-5.1-codex", duration_ms=0),
        archived=True,
    )
    cut = {"accuracy": "heuristic", "why": "answer cut after 348 tokens"}
    add(
        box,
        "new",
        call(1, started_at=BEGAN, usage=USED, session_id="s-1"),
        call(2, status="failed", **cut),
        _several(),
        call(4, provider="local", model="ollama/mine", **free),
        call(5, model="=HYPERLINK(1)", step="resolve", **free),
        call(6, usage=nothing, **free, accuracy="heuristic", why="it told nothing of its usage"),
        call(
            7,
            provider="my-router",
            model="openrouter/openai/gpt-4o",
            usage=replace(USED, web_searches=2, variants=(("speed", "fast"),)),
            amended=BEGAN,
        ),
    )
    return box
