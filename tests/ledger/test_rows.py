"""Rows are the calls: read quickly, and the same as read in full, through ruamel too."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.state_samples import CALL, FIXTURES, new_store

from agentd.ledger import call_fields, call_keys, document, foreign, own_grammar, rows, source
from agentd.ledger.own_layout import Block
from agentd.ledger.reading import read_rows
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
        call.duration_ms,
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
    assert read_rows(store.change_dir, "x") == [expected(call) for call in numbered]
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
        sum(row.cost_usd for row in read_rows(store.change_dir, "x"))
        == store.read().totals.cost_usd
        == Decimal("0.3")
    )


TEXTS = [
    "a",
    "gpt-5.1-codex",
    "a..",
    "'it''s # 1'",
    '"a\\u00e9"',
    "20261122T054052-b-12345678",
    "''",
]
TEXTS += ["12345678-1234-1234-1234-123456789012", "a/b", "'it's'", '"a', "null", "True", "1e5", "é"]
TEXTS += ["12345678-1234", "1234567e-1234", "'2026-11-22'", "nulls", "yes", "a: b", "~"]
POOLS = {
    "text": TEXTS,
    "word": ["ok", "none", "family", "true", "null", "'ok'", "a b"],
    "count": ["0", "1", "24939", "999999999999999999", "01", "-1", "1.5", "1_0", "''"],
    "money": ["0.0", "0.00352315", "99.50", "5", "1e-3", "-0.1", ".5", f"0.{'1' * 61}"],
    "threads": [
        "side=5/1/0/0.001",
        "subagent=12/3/6/0.0012,side=5/1/0/0.0",
        "side=5/1",
        "~",
        "a b",
    ],
    "variants": ["speed=fast", "speed=fast,geo=us", "service_tier=flex", "'a=b'", "x", "a b", "~"],
    "time": [
        *("2026-11-22T05:40:52Z", "2026-11-22T05:40:52.123456789+05:45", "2026-02-30T05:40:52Z"),
        *("2026-11-22", "'2026-11-22T05:40:52Z'", "2026-11-22T25:40:52Z", "2026-11-22 05:40:52"),
    ],
}


@st.composite
def lines_of_pairs(draw: st.DrawFn, keys: tuple[str, ...], required: tuple[str, ...]) -> list[str]:
    """Most of the keys; the values are mostly sound, sometimes what agentd never writes."""
    pairs = []
    for key in keys:
        if key in required or draw(st.integers(0, 4)):
            pool = POOLS[call_keys.KEYS[key]]
            odd = draw(st.integers(0, 30)) == 0
            value = draw(st.sampled_from(pool if odd else pool[:3]))
            comment = draw(st.sampled_from(["", "", "", "", "", "", "", "  # it's", " #"]))
            pairs.append(f"{key}: {value}{comment}")
    return pairs


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A STATE.yaml whose calls are, more or less, in agentd's layout."""
    lines = ["change_id: x", "telemetry:", "  calls:"]
    own = tuple(key for key in call_keys.KEYS if key != "models")
    for _ in range(draw(st.integers(1, 3))):
        call = draw(lines_of_pairs(own, call_keys.REQUIRED))
        if draw(st.integers(0, 3)) == 0:
            call.append("models:")
            for _ in range(draw(st.integers(1, 2))):
                model = draw(lines_of_pairs(call_keys.MODEL_KEYS, call_keys.MODEL_REQUIRED))
                call += [f"- {model[0]}", *(f"  {line}" for line in model[1:])]
        call += draw(st.lists(st.sampled_from(["later: 1", "more: [1]", "odd: 'a'"]), max_size=2))
        if draw(st.integers(0, 9)) == 0:
            call = draw(st.permutations(call))
        call = [f"    {line}" for line in call]
        lines += [f"  - {call[0].lstrip()}", *call[1:]]
        lines += draw(st.sampled_from([[], [], [], ["  # between"], [""]]))
    lines += ["  total_cost_usd: 0.0", "  total_tokens_in: 0", "  total_tokens_out: 0"]
    lines += draw(st.sampled_from([[], [], ["", "phase: a"], ["phase: a"], ["  later: 1"], [""]]))
    return draw(st.sampled_from(["\n", "\n", "\r\n"])).join([*lines, ""])


def read_through_ruamel(origin: source.Source) -> list[CallRecord]:
    parsed = foreign.read(origin.text)
    return [call_fields.from_fields(call) for call in parsed.calls]


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
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
