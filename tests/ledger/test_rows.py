"""Rows are the calls: read quickly, and the same as read in full, through ruamel too."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.ledger_texts import texts
from support.slices import part_of
from support.state_samples import CALL, FIXTURES, new_store

from agentd.ledger import call_fields, document, foreign, own_grammar, rows, source
from agentd.ledger.own_layout import Block
from agentd.ledger.reading import read_rows_in
from agentd.ledger.same_call import entries_that_count
from agentd.ledger.source import Malformed
from agentd.ledger.store import StateStore
from agentd.metering.call import CallRecord, PricedModel
from agentd.metering.totals import by, summarise
from agentd.metering.usage import ModelUsage
from agentd.metering.variants import as_text

NAMES = st.sampled_from(
    ["gpt-5.1-codex", 'it\'s: "odd" #1', "claude-sonnet-4-5", "null", "1e5", "é"]
)
COUNTS = st.integers(0, 10**12)
COSTS = st.decimals(0, 10**6, places=9)


USAGES = st.builds(
    lambda tokens_in, tokens_out, cached, searches: ModelUsage(
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        cache_read_input_tokens=cached,
        web_searches=searches,
    ),
    COUNTS,
    COUNTS,
    COUNTS,
    st.integers(0, 3),
)
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
    lambda model, provider, used, cost, parts, started_at, why, requests: replace(
        CALL,
        model=model,
        provider=provider,
        usage=used,
        cost_usd=cost,
        models=tuple(parts),
        started_at=started_at,
        why=why,
        requests=requests,
    ),
    NAMES,
    st.sampled_from(["gemini", "codex", None]),
    USAGES,
    COSTS,
    st.lists(PARTS, max_size=3),
    st.sampled_from([CALL.started_at, None]),
    st.sampled_from([None, "relay bypassed", "answer cut after 348 tokens"]),
    st.sampled_from([None, 1, 7]),
)


def expected(call: CallRecord) -> tuple[object, ...]:
    """What a row says, straight from the call."""
    parts = tuple(
        (
            part.model,
            part.usage.input_tokens,
            part.usage.output_tokens,
            part.usage.cache_read_input_tokens,
            part.usage.web_searches,
            part.cost_usd,
            part.cost_source,
            as_text(part.usage.variants) or None,
            part.threads,
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
        call.usage.web_searches,
        call.cost_usd,
        call.cost_source,
        call.accuracy,
        call.duration_ms or 0,
        call.started_at.timestamp() if call.started_at else None,
        parts,
        call.why,
        as_text(call.usage.variants) or None,
        call.threads,
        call.requests,
    )


@given(st.lists(CALLS, min_size=1, max_size=4))
def test_rows_are_the_calls(
    tmp_path_factory: pytest.TempPathFactory, calls: list[CallRecord]
) -> None:
    store = new_store(tmp_path_factory.mktemp("change"))
    numbered = [replace(call, id=f"{CALL.id}-{number}") for number, call in enumerate(calls)]
    for call in numbered:
        store.append(call)
    assert read_rows_in(store.change_dir, "x") == [expected(call) for call in numbered]
    state = store.read()
    assert summarise(state.rows) == summarise(state.calls)
    assert by(state.rows, "step") == by(state.calls, "step")
    assert by(state.rows, "model") == by(state.calls, "model")
    assert state.words("cost_source") == {call.cost_source for call in numbered}


@pytest.mark.parametrize("path", sorted(FIXTURES.rglob("*.yaml")), ids=lambda path: path.name)
def test_every_ledger_reads_as_rows_as_in_full(path: Path) -> None:
    try:
        found = document.read(source.decode(path.read_bytes()), own_grammar.ALL)
        calls = list(found.records())
    except Malformed:
        return
    assert rows.of_document("x", found) == [expected(call) for call in calls]


def test_the_totals_of_a_store_are_those_of_its_rows(tmp_path: Path) -> None:
    store: StateStore = new_store(tmp_path)
    for number in range(3):
        store.append(replace(CALL, id=f"call-{number}", cost_usd=Decimal("0.1")))
    assert (
        sum(row.cost_usd for row in read_rows_in(store.change_dir, "x"))
        == store.read().totals.cost_usd
        == Decimal("0.3")
    )


def read_through_ruamel(origin: source.Source) -> list[CallRecord]:
    parsed = foreign.read(origin.text)
    return [call_fields.from_fields(call) for call in entries_that_count(parsed.calls)]


@pytest.mark.reliability
@settings(max_examples=part_of(800), suppress_health_check=[HealthCheck.too_slow])
@given(texts())
def test_what_the_pattern_takes_is_what_ruamel_reads(text: str) -> None:
    origin = source.decode(text.encode())
    try:
        calls = read_through_ruamel(origin)
    except Malformed:
        for keys in (own_grammar.ALL, own_grammar.SUMS, own_grammar.LEDGER):
            with pytest.raises(Malformed):
                document.read(origin, keys)
        return
    found = document.read(origin, own_grammar.SUMS)
    assert rows.of_document("x", found) == [expected(call) for call in calls]
    assert list(document.read(origin, own_grammar.ALL).records()) == calls
    assert document.read(origin).ids() == {call.id for call in calls if call.id}


def test_the_layout_of_agentd_needs_no_ruamel(tmp_path: Path) -> None:
    """So the test above compares two readers, not one with itself."""
    store = new_store(tmp_path)
    store.append(CALL)
    for keys in (own_grammar.ALL, own_grammar.SUMS, own_grammar.LEDGER):
        found = document.read(source.decode(store.path.read_bytes()), keys)
        assert isinstance(found.calls, Block)


@pytest.mark.parametrize(
    ("written", "read"), [("geo=us,speed=fast", "speed=fast,geo=us"), ("x", "x"), ("x=", "x")]
)
def test_a_variant_reads_the_same_however_it_is_written(written: str, read: str) -> None:
    text = (
        "change_id: x\ntelemetry:\n  calls:\n  - step: a\n    model: a\n    tokens_in: 0\n"
        f"    tokens_out: 0\n    cost_usd: 0.0\n    price_variant: {written}\n"
        "  total_cost_usd: 0.0\n  total_tokens_in: 0\n  total_tokens_out: 0\n"
    )
    found = document.read(source.decode(text.encode()), own_grammar.ALL)
    (row,), (call,) = rows.of_document("x", found), found.records()
    assert row.variant == as_text(call.usage.variants) == read


@pytest.mark.parametrize("comment", ["", "  # it's"])
def test_an_empty_id_is_none(comment: str) -> None:
    text = (
        "change_id: x\ntelemetry:\n  calls:\n  - id: ''\n    step: a\n    model: a\n"
        f"    tokens_out: 0\n    tokens_in: 0\n    cost_usd: 0.0{comment}\n"
    )
    own = text.replace(
        "    tokens_out: 0\n    tokens_in: 0\n", "    tokens_in: 0\n    tokens_out: 0\n"
    )
    own += "  total_cost_usd: 0.0\n  total_tokens_in: 0\n  total_tokens_out: 0\n"
    for each in (text, own):
        assert document.read(source.decode(each.encode())).ids() == set()


def test_what_changed_a_price_is_written_and_read() -> None:
    from dataclasses import replace

    from support.state_samples import call

    from agentd.ledger import call_fields, render

    record = call(1)
    variants = (("geo", "us"), ("speed", "fast"))
    record = replace(record, usage=replace(record.usage, web_searches=2, variants=variants))
    fields = call_fields.to_fields(record)
    lines = list(render.yaml_lines(fields))
    assert "    web_searches: 2" in lines
    assert "    price_variant: speed=fast,geo=us" in lines  # plain, as every reader takes it
    assert call_fields.from_fields(call_fields.read_fields(fields)) == record
