"""The calls in brief are the calls: read quickly, and the same as read in full."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.state_samples import CALL, FIXTURES, new_store

from agentd.ledger import document, rows, source
from agentd.ledger.rows import rows_of
from agentd.ledger.source import Malformed
from agentd.ledger.store import StateStore
from agentd.metering.call import CallRecord, PricedModel
from agentd.metering.usage import ModelUsage

NAMES = st.sampled_from(
    ["gpt-5.1-codex", 'it\'s: "odd" #1', "claude-sonnet-4-5", "null", "1e5", "é"]
)
COUNTS = st.integers(0, 10**12)
COSTS = st.decimals(0, 10**6, places=9)


def usage(tokens_in: int, tokens_out: int, cached: int) -> ModelUsage:
    return ModelUsage(
        input_tokens=tokens_in, output_tokens=tokens_out, cache_read_input_tokens=cached
    )


USAGES = st.builds(usage, COUNTS, COUNTS, COUNTS)
PARTS = st.builds(
    lambda model, used, cost, source: PricedModel(
        model=model, usage=used, cost_usd=cost, cost_source=source
    ),
    NAMES,
    USAGES,
    COSTS,
    st.sampled_from(["config", "reported", "catalog", "none"]),
)
CALLS = st.builds(
    lambda model, provider, used, cost, parts, started_at: replace(
        CALL,
        model=model,
        provider=provider,
        usage=used,
        cost_usd=cost,
        models=tuple(parts),
        started_at=started_at,
    ),
    NAMES,
    st.sampled_from(["gemini", "codex", None]),
    USAGES,
    COSTS,
    st.lists(PARTS, max_size=3),
    st.sampled_from([CALL.started_at, None]),
)


def expected(call: CallRecord) -> tuple[object, ...]:
    """What a row says, straight from the call."""
    parts = tuple(
        (
            part.model,
            part.usage.input_tokens,
            part.usage.output_tokens,
            part.usage.cache_read_input_tokens,
            part.cost_usd,
            part.cost_source,
        )
        for part in call.models
    )
    return (
        "x",
        call.id,
        call.step,
        call.provider,
        call.model,
        call.status,
        call.usage.input_tokens,
        call.usage.output_tokens,
        call.usage.cache_read_input_tokens,
        call.cost_usd,
        call.cost_source,
        call.accuracy,
        call.duration_ms,
        call.started_at.timestamp() if call.started_at else None,
        parts,
    )


@given(st.lists(CALLS, min_size=1, max_size=4))
def test_rows_are_the_calls(
    tmp_path_factory: pytest.TempPathFactory, calls: list[CallRecord]
) -> None:
    store = new_store(tmp_path_factory.mktemp("change"))
    numbered = [replace(call, id=f"{CALL.id}-{number}") for number, call in enumerate(calls)]
    for call in numbered:
        store.append(call)
    briefs = store.brief_calls()
    assert rows_of(["x"] * len(briefs), briefs) == [expected(call) for call in numbered]


@pytest.mark.parametrize("path", sorted(FIXTURES.rglob("*.yaml")), ids=lambda path: path.name)
def test_every_ledger_reads_in_brief_as_in_full(path: Path) -> None:
    try:
        found = document.read(source.decode(path.read_bytes()), with_records=True)
        calls = list(found.records())
    except Malformed:
        return
    briefs = rows.of_document(found)
    assert rows_of(["x"] * len(briefs), briefs) == [expected(call) for call in calls]


def test_the_totals_of_a_store_are_those_of_its_rows(tmp_path: Path) -> None:
    store: StateStore = new_store(tmp_path)
    for number in range(3):
        store.append(replace(CALL, id=f"call-{number}", cost_usd=Decimal("0.1")))
    rows = rows_of(["x"] * 3, store.brief_calls())
    assert sum(row.cost_usd for row in rows) == store.read().total_cost_usd == Decimal("0.3")
