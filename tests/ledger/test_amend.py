"""Calls whose figures are corrected in their place, and nothing else of the file."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from support.state_samples import call, loaded, new_store

from agentd.errors import StateError
from agentd.ledger.store import StateStore
from agentd.metering.call import CallRecord, PricedModel


def corrected(number: int) -> CallRecord:
    old = call(number)
    usage = replace(old.usage, output_tokens=999)
    share = PricedModel(model="a", usage=usage, cost_usd=Decimal("0.5"), cost_source="config")
    return replace(old, usage=usage, cost_usd=Decimal("0.5"), models=(share,))


def store_of_three(folder: Path) -> StateStore:
    store = new_store(folder)
    for number in (1, 2, 3):
        store.append(call(number))
    return store


def test_a_call_is_corrected_in_its_place_and_the_totals_follow(tmp_path: Path) -> None:
    store = store_of_three(tmp_path)
    before = store.path.read_text()
    [amended] = store.amend([corrected(2), call(3), call(7)])
    assert store.read().calls == (call(1), amended, call(3))
    assert amended.amended is not None
    assert replace(amended, amended=None) == corrected(2)
    telemetry = loaded(store.path.read_bytes())["telemetry"]
    assert telemetry["total_tokens_out"] == 174 + 999 + 174
    assert Decimal(str(telemetry["total_cost_usd"])) == Decimal("0.5") + sum(
        (call(n).cost_usd for n in (1, 3)), Decimal(0)
    )
    head = before[: before.index("telemetry:")]
    assert [line for line in head.splitlines() if "updated_at" not in line] == [
        line
        for line in store.path.read_text().splitlines()[: head.count("\n")]
        if "updated_at" not in line
    ]


def test_to_correct_it_again_by_the_same_changes_nothing(tmp_path: Path) -> None:
    store = store_of_three(tmp_path)
    assert store.amend([corrected(2)])
    text = store.path.read_bytes()
    assert store.amend([corrected(2)]) == []
    assert store.path.read_bytes() == text


def test_what_a_newer_agentd_wrote_and_comments_stay(tmp_path: Path) -> None:
    store = store_of_three(tmp_path)
    text = store.path.read_text()
    line = f"  - id: {call(2).id}\n"
    more = f"{line}    # seen by me\n    flavour:\n      taste: sweet\n"
    store.path.write_text(text.replace(line, more).replace("session_id: null", "session_id: ~ # s"))
    [amended] = store.amend([corrected(2)])
    now = store.path.read_text()
    assert "    # seen by me\n" in now
    assert loaded(now)["telemetry"]["calls"][1]["flavour"] == {"taste": "sweet"}
    assert store.read().calls == (call(1), amended, call(3))


def test_a_ledger_of_another_layout_is_laid_out_first(tmp_path: Path) -> None:
    store = store_of_three(tmp_path)
    text = store.path.read_text()
    at = text.index("  calls:\n") + len("  calls:\n")
    end = text.index("  total_cost_usd")
    shifted = "".join(f"    {line}\n" for line in text[at:end].splitlines())
    store.path.write_text(text[:at] + shifted + text[end:])
    [amended] = store.amend([corrected(2)])
    assert store.read().calls == (call(1), amended, call(3))


def test_a_broken_ledger_is_left_as_it_is(tmp_path: Path) -> None:
    store = store_of_three(tmp_path)
    broken = store.path.read_text().replace("tokens_out: 174", "tokens_out: many")
    store.path.write_text(broken)
    with pytest.raises(StateError):
        store.amend([corrected(2)])
    assert store.path.read_text() == broken
