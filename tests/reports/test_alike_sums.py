"""Calls summed up by the lines that they share: the same as one by one, to the last digit."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.ledger_texts import texts
from support.slices import part_of
from support.state_samples import call, new_store

from agentd.ledger import alike, document, own_grammar, rows, source
from agentd.ledger.alike import AlikeCalls
from agentd.ledger.reading import read_alike_in, read_rows_in
from agentd.ledger.source import Malformed
from agentd.reports.dimensions import DIMENSIONS
from agentd.reports.groups import Query, report_on, tally

ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns"]


def ledgers_of(every: list[str]) -> list[tuple[AlikeCalls | None, list[rows.Row]]]:
    """Those that can be read: as they are summed up, and call by call."""
    found = []
    for number, text in enumerate(every):
        origin = source.decode(text.encode())
        try:
            one_by_one = rows.of_document(f"c{number}", document.read(origin, own_grammar.SUMS))
        except Malformed:
            continue
        columns = document.read(origin, own_grammar.ALIKE).columns
        found.append((alike.of_columns(f"c{number}", columns), one_by_one))
    return found


def line(draw: st.DrawFn, key: str, *values: str) -> str:
    """One of the values, or no line for an empty one."""
    value = draw(st.sampled_from(values))
    return f"    {key}: {value}\n" if value else ""


@st.composite
def own_calls(draw: st.DrawFn) -> str:
    """A call as agentd writes it, of a few words, so that many are alike."""
    number = draw(st.integers(0, 9))
    return (
        f"  - id: 20261122T05405{number}-a-12345678\n    step: {draw(st.sampled_from('ab'))}\n"
        + line(draw, "provider", "codex", "")
        + line(draw, "model", "gpt-5.1-codex", "ollama/a", "'a b'")
        + line(draw, "status", "ok", "failed", "")
        + line(draw, "tokens_in", "0", "24939", "999999999999999999")
        + line(draw, "tokens_out", "0", "174")
        + line(draw, "tokens_cache_read", "1", "20000", "")
        + line(draw, "tokens_reasoning", "7", "")
        + line(draw, "cost_usd", "0.0", "0.00352315", f"0.{'1' * 40}")
        + line(draw, "cost_source", *["catalog"] * 8, *["none"] * 3, "")
        + line(draw, "accuracy", "exact", "heuristic", "")
        + line(draw, "why", "relay", "'input is estimated'", "'answer cut after 348 tokens'", "")
        + line(draw, "web_searches", "2", "")
        + line(draw, "price_variant", "geo=us,speed=fast", "speed=fast,geo=us", "")
        + line(draw, "threads", *[""] * 19, "side=5/1/0/0.001")
        + line(draw, "duration_ms", "12", "")
        + line(draw, "timestamp", "2026-11-22T18:14:52Z", "2026-11-22T22:59:59Z", "")
        + line(draw, "session_id", "12345678-1234-1234-1234-123456789012", "")
    )


@st.composite
def own_texts(draw: st.DrawFn) -> str:
    return in_a_ledger("".join(draw(st.lists(own_calls(), min_size=1, max_size=6))))


def in_a_ledger(calls: str) -> str:
    totals = "  total_cost_usd: 0.0\n  total_tokens_in: 0\n  total_tokens_out: 0\n"
    return f"change_id: x\ntelemetry:\n  calls:\n{calls}{totals}"


@pytest.mark.reliability
@settings(max_examples=part_of(600), suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.one_of(own_texts(), own_texts(), texts()), min_size=1, max_size=4),
    st.lists(st.sampled_from(DIMENSIONS), unique=True, max_size=3),
    st.sampled_from(ZONES),
)
def test_alike_calls_add_up_to_what_their_rows_do(
    every: list[str], by: list[str], timezone: str
) -> None:
    query = Query(tuple(by), timezone)
    ledgers = ledgers_of(every)
    quick = tally([calls or one_by_one for calls, one_by_one in ledgers], query)
    slow = tally([one_by_one for _, one_by_one in ledgers], query)
    assert report_on(quick, query, "x") == report_on(slow, query, "x")
    for calls, one_by_one in ledgers:
        assert calls is None or calls.rows() == one_by_one


def test_no_sum_is_left_out() -> None:
    """Calls that have something of each: a sum that is 0 here would be compared with nothing."""
    calls = "".join(
        f"  - id: 20261122T054050-a-1234567{number}\n    step: a\n    model: {model}\n"
        "    status: failed\n    tokens_in: 24939\n    tokens_out: 174\n"
        f"    tokens_cache_read: 20000\n    cost_usd: 0.5\n    cost_source: {cost_source}\n"
        "    accuracy: heuristic\n    why: 'input is estimated'\n    web_searches: 2\n"
        for number, (model, cost_source) in enumerate(
            [("a", "catalog"), ("b", "none"), ("ollama/a", "none")]
        )
    )
    ((quick, slow),) = ledgers_of([in_a_ledger(calls)])
    assert quick is not None
    total = tally([quick], Query()).total
    assert 0 not in total
    assert total == tally([slow], Query()).total


def test_what_agentd_writes_is_summed_up_in_this_way(tmp_path: Path) -> None:
    """So the test above compares two ways, not one with itself."""
    store = new_store(tmp_path)
    for number in range(3):
        store.append(call(number))
    calls = read_alike_in(store.change_dir, "x")
    assert isinstance(calls, AlikeCalls)
    assert calls.rows() == read_rows_in(store.change_dir, "x")


@pytest.mark.parametrize(
    ("line", "other"),
    [
        ("    model: ", "    model: null"),
        ("    model: ", "    model: 'a"),
        ("    status: ", "    status: OK"),
        ("    cost_source: ", "    cost_source: [1]"),
        ("    timestamp: ", "    timestamp: 2026-02-30T05:40:52Z"),
        ("    timestamp: ", "    timestamp: 2026-02-20T25:40:52Z"),
    ],
)
def test_what_is_not_sound_is_not_taken(tmp_path: Path, line: str, other: str) -> None:
    store = new_store(tmp_path)
    store.append(call(1))
    lines = store.path.read_text().split("\n")
    text = "\n".join(other if one.startswith(line) else one for one in lines)
    assert other in text
    assert ledgers_of([text]) == [] or ledgers_of([text])[0][0] is None
