"""What agentd writes: the contract's layout, and values that every YAML reader reads alike."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.state_samples import CALL, call, loaded, loaded_1_2, new_store

from agentd import PricingConfig, UsageMetrics
from agentd.ledger import call_fields, own_grammar, own_layout, render
from agentd.metering.call import PricedModel
from agentd.metering.money import decimal_text
from agentd.metering.usage import ModelUsage

GOLDEN = """\
telemetry:
  calls:
  - id: 20261122T054052-proposal-6f1c2a9b
    step: proposal
    provider: gemini
    model: gemini-3-flash-preview
    status: ok
    tokens_in: 24939
    tokens_out: 174
    tokens_cache_read: 21263
    tokens_cache_write: 120
    tokens_cache_write_1h: 20
    tokens_reasoning: 154
    cost_usd: 0.00352315
    cost_source: config
    accuracy: exact
    usage_source: stdout
    duration_ms: 18342
    timestamp: 2026-11-22T05:40:52Z
    session_id: 3bb0f41d-1c2d-4e5f-8a9b-0c1d2e3f4a5b
    models:
    - model: gemini-3-flash-preview
      tokens_in: 24938
      tokens_out: 174
      tokens_cache_read: 21263
      cost_usd: 0.00352315
      cost_source: config
    - model: 'sonnet[1m]'
      tokens_in: 1
      tokens_out: 0
      cost_usd: 0.0
      cost_source: none
  - id: 20261122T054153-challenge-00000001
    step: challenge
    model: m1
    status: failed
    tokens_in: 0
    tokens_out: 0
    cost_usd: 0.0
    cost_source: none
    accuracy: heuristic
    usage_source: estimated
    duration_ms: 0
    timestamp: 2026-11-22T05:41:53Z
  total_cost_usd: 0.00352315
  total_tokens_in: 24939
  total_tokens_out: 174
"""

FULL = replace(
    CALL,
    models=(
        PricedModel(
            model="gemini-3-flash-preview",
            usage=ModelUsage(input_tokens=24938, output_tokens=174, cache_read_input_tokens=21263),
            cost_usd=Decimal("0.00352315"),
            cost_source="config",
        ),
        PricedModel(
            model="sonnet[1m]",
            usage=ModelUsage(input_tokens=1),
            cost_usd=Decimal(0),
            cost_source="none",
        ),
    ),
)
BARE = replace(
    CALL,
    id="20261122T054153-challenge-00000001",
    step="challenge",
    provider=None,
    model="m1",
    status="failed",
    usage=ModelUsage(),
    cost_usd=Decimal(0),
    cost_source="none",
    accuracy="heuristic",
    usage_source="estimated",
    duration_ms=0,
    started_at=datetime(2026, 11, 22, 5, 41, 53, tzinfo=UTC),
    session_id=None,
)


def test_layout_of_the_contract(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    head = store.path.read_text().partition("telemetry:")[0]
    assert store.append(FULL)
    assert store.append(BARE)
    assert store.path.read_text() == head + GOLDEN
    assert list(loaded(head)) == [
        "change_id",
        "schema_version",
        "created_at",
        "updated_at",
        "phase",
        "iteration",
        "last_action",
        "session_id",
        "checksums",
        "validations",
    ]
    state = store.read()
    assert state.calls == (FULL, BARE)
    assert (state.change_id, state.schema_version, state.phase) == ("add-oauth", "2.0", "proposed")
    assert (state.iteration, state.last_action, state.session_id) == (1, None, None)
    assert state.totals.cost_usd == Decimal("0.00352315")
    assert (state.totals.tokens_in, state.totals.tokens_out) == (24939, 174)


def test_a_new_file_can_be_read(tmp_path: Path) -> None:
    state = new_store(tmp_path).read()
    assert (state.calls, state.totals.cost_usd, state.totals.tokens_in) == ((), Decimal(0), 0)
    assert state.created_at == state.updated_at


def test_every_reader_sees_the_id_as_a_string() -> None:
    assert loaded(GOLDEN) == loaded_1_2(GOLDEN)
    first = loaded(GOLDEN)["telemetry"]["calls"][0]
    assert first["id"] == CALL.id
    assert first["cost_usd"] == 0.00352315
    assert first["timestamp"] == CALL.started_at


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0.0"),
        ("-0", "0.0"),
        ("3E-5", "0.00003"),
        ("1.50", "1.5"),
        ("1E+2", "100.0"),
        ("0.1234567890123456789", "0.1234567890123456789"),
    ],
)
def test_money_is_a_plain_decimal(amount: str, text: str) -> None:
    assert decimal_text(Decimal(amount)) == text
    assert Decimal(text) == Decimal(amount)
    assert isinstance(loaded(f"k: {text}")["k"], float)
    assert isinstance(loaded_1_2(f"k: {text}")["k"], float)


ODD = [
    *("no", "Yes", "y", "N", "on", "OFF", "true", "null", "NULL", "~", "", " ", "-", "- a", "---"),
    *(
        "1e5",
        "1E5",
        "0x1f",
        "0o17",
        "017",
        "1_000",
        "12:30:00",
        "2026-11-22",
        "2026-11-22T05:40:52Z",
    ),
    *(".5", ".inf", ".NaN", "1.", "+1", "0b1", "5e-324", "<<", "=", "!x", "&a", "*a", "@a", "`a"),
    *("a: b", "a #b", "a:", "#a", "a'b", 'a"b', "a\\b", "a\nb", "a\tb", "\ttab", "trailing ", "%a"),
    *("[1m]", "claude[1m]", "{}", "a, b", "é", "\u2028", "\x85", "\ufeff", "\x07", "😀", "\ud800x"),
    *("openai/gpt-5.1", "us.anthropic.claude-3:0", "12345678-1234-1234-1234-123456789012"),
    *("1234567e-1234-1234-1234-123456789012", "e5", "NaN", "inf", "a" * 2000, "\ufffe", "?", "? a"),
]
SUMMED = {"cost_usd": [CALL.cost_usd], "tokens_in": [1], "tokens_out": [2]}
values = st.one_of(st.sampled_from(ODD), st.text(max_size=40), st.from_regex(r"[0-9a-fxoT:e._+-]+"))


@settings(max_examples=150)
@given(model=values, session_id=values, step=values)
@example(model="no", session_id="1e5", step="archive-review")
def test_any_text_is_read_back_by_everyone(model: str, session_id: str, step: str) -> None:
    record = replace(CALL, model=model, session_id=session_id, step=step)
    fields = call_fields.to_fields(record)
    lines = ["telemetry:", "  calls:", *render.yaml_lines(fields)]
    text = "\n".join([*lines, *own_layout.add_up(SUMMED).lines(), ""])
    expected = {
        key: value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        for key, value in (("model", model), ("session_id", session_id), ("step", step))
    }
    if not any(map(has_surrogate, (model, session_id, step))):
        assert expected == {"model": model, "session_id": session_id, "step": step}
        for document in (loaded(text), loaded_1_2(text)):
            read = document["telemetry"]["calls"][0]
            assert {key: read[key] for key in expected} == expected
        found = own_layout.find(text, own_grammar.ALL)
        assert found is not None
        assert [*map(call_fields.from_fields, own_grammar.fields(found.columns))] == [record]
        assert call_fields.from_json(render.json_line(fields)) == record
    else:
        text.encode()


def has_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


@pytest.mark.parametrize("odd", [text for text in ODD if text])
def test_update_takes_any_text(tmp_path: Path, odd: str) -> None:
    store = new_store(tmp_path)
    store.update(phase=odd)
    if not has_surrogate(odd):
        assert loaded(store.path.read_bytes())["phase"] == odd
        assert loaded_1_2(store.path.read_bytes())["phase"] == odd
        assert store.read().phase == odd


@pytest.mark.parametrize("cost", [Decimal("NaN"), Decimal("Infinity"), Decimal(-1)])
def test_a_cost_that_is_none_is_a_bug_of_the_caller(tmp_path: Path, cost: Decimal) -> None:
    store = new_store(tmp_path)
    before = store.path.read_bytes()
    with pytest.raises(ValueError, match="cost_usd"):
        store.append(replace(CALL, cost_usd=cost))
    with pytest.raises(ValueError, match="tokens_out"):
        store.append(replace(CALL, usage=ModelUsage(output_tokens=-1)))
    assert store.path.read_bytes() == before


def test_record_llm_call_prices_and_enters(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    flash = PricingConfig(cost_per_1m_input=0.5, cost_per_1m_output=3, cost_per_1m_cache_read=0.05)
    usage = UsageMetrics(
        input_tokens=24939, output_tokens=174, cache_read_input_tokens=21263, session_id="s1"
    )
    first = store.record_llm_call(
        "proposal", "gemini-3-flash-preview", usage, 18342, flash, timestamp=CALL.started_at
    )
    second = store.record_llm_call("challenge", "unknown-model", usage, 5, None, call_id="mine")
    assert first.cost_usd == Decimal("0.00342315")  # 3676 * 0.5 + 21263 * 0.05 + 174 * 3 millionths
    assert first.id.startswith("20261122T054052-proposal-")
    assert (second.id, second.cost_usd, second.cost_source) == ("mine", Decimal(0), "none")
    written = loaded(store.path.read_text())["telemetry"]
    assert [entry["step"] for entry in written["calls"]] == ["proposal", "challenge"]
    assert written["total_cost_usd"] == 0.00342315
    assert written["total_tokens_in"] == 2 * 24939
    assert store.read().calls == (first, second)


def test_record_llm_call_lists_several_models(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    one, two = ModelUsage(input_tokens=1_000_000), ModelUsage(output_tokens=500_000)
    usage = UsageMetrics(
        input_tokens=1_000_000, output_tokens=500_000, by_model={"a1": one, "b2": two}
    )
    price = PricingConfig(cost_per_1m_input=1, cost_per_1m_output=2)
    record = store.record_llm_call("review", "a1", usage, 5, price)
    assert [(part.model, part.cost_usd) for part in record.models] == [("a1", 1), ("b2", 1)]
    assert store.read().calls[0].models == record.models


def test_call_json_keeps_every_digit() -> None:
    line = render.json_line(call_fields.to_fields(replace(FULL, cost_usd=Decimal("3E-25"))))
    assert '"cost_usd": 0.0000000000000000000000003' in line
    assert "\n" not in line
    assert json.loads(line)["tokens_cache_write_1h"] == 20
    assert call_fields.from_json(line).cost_usd == Decimal("3E-25")
    assert call_fields.from_json(render.json_line(call_fields.to_fields(FULL))) == FULL


def test_an_id_is_entered_once(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    assert [store.append(call(1)), store.append(call(1)), store.append(call(2))] == [
        True,
        False,
        True,
    ]
    assert store.read().calls == (call(1), call(2))
