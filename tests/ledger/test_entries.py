"""A STATE.yaml made anew from what was entered is the one that was written entry by entry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from support.state_samples import call, new_store

from agentd.ledger import entries
from agentd.ledger.changes import Changes
from agentd.ledger.pending import Kept
from agentd.ledger.store import StateStore

FOREIGN = "change_id: x\nphase: proposed # so far\ntelemetry: {calls: [], budget: '5'}\nmine: [1]\n"


def write(store: StateStore) -> list[str]:
    """Enter this and that; returns what each write entered, as the guards are told."""
    told: list[str] = []
    real = entries.to_text

    def to_text(*arguments: object) -> str:
        told.append(real(*arguments))  # type: ignore[arg-type]
        return told[-1]

    store.append(call(1))
    to_text([Kept(call(1))])
    store.append(call(2), Changes(phase="challenged", iteration=2))
    to_text([Kept(call(2), Changes(phase="challenged", iteration=2))])
    store.restart_meter(keep="project")
    before = f"reset@{call(2).id}"
    to_text([], Changes(budget_warned="", budget_reset_calls=2, budget_warned_before=before))
    store.append(call(3))
    to_text([Kept(call(3))])
    return told


@pytest.mark.parametrize("text", [None, FOREIGN])
def test_it_is_what_was_written(tmp_path: Path, text: str | None) -> None:
    store = new_store(tmp_path, text)
    before = store.path.read_bytes()
    told = write(store)
    now = store.path.read_bytes()
    made = yaml.safe_load(entries.rebuild(before, told))
    assert made | {"updated_at": ""} == yaml.safe_load(now) | {"updated_at": ""}
    assert entries.only_entered(before, now, told)
    assert entries.rebuild(now, told).count(b"- id:") == 3  # each once, however often


def test_a_restarted_meter_counts_the_calls_that_are_there(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    store.append(call(0))
    before = store.path.read_bytes()
    told = write(store)
    made = yaml.safe_load(entries.rebuild(before, told))
    assert made["budget_reset_calls"] == 3  # the note says 2: one call had been taken out


def test_no_call_may_change_go_or_come_from_elsewhere(tmp_path: Path) -> None:
    store = new_store(tmp_path)
    store.append(call(0))
    before = store.path.read_bytes()
    told = write(store)
    now = store.path.read_bytes()
    assert not entries.only_entered(before, now.replace(call(0).id.encode(), b"other"), told)
    assert not entries.only_entered(before, now.replace(b"24941", b"24940"), told)
    assert not entries.only_entered(now, before, told)
    assert not entries.only_entered(before, now, told[:-1])
    assert not entries.only_entered(before, b"telemetry: [", told)
    assert not entries.only_entered(before, now, ["[", *told])
    odd = replace(call(3), cost_usd=call(3).cost_usd * 2)
    assert not entries.only_entered(before, now, [*told[:-1], entries.to_text([Kept(odd)])])
