"""Many processes at once, and processes that are killed at any moment."""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest
import yaml
from support.slices import part_of
from support.state_samples import call, exit_codes, in_child, new_store

from agentd.ledger.store import StateStore
from agentd.metering.money import decimal_text

PROCESSES = 16
CALLS = part_of(50)
KILLS = part_of(300)
KILLS_PER_FILE = 60


@pytest.mark.reliability
def test_sixteen_processes_lose_nothing(tmp_path: Path) -> None:
    store = new_store(tmp_path)

    def work(process: int) -> None:
        for number in range(CALLS):
            assert store.append(call(process * CALLS + number))

    pids = [in_child(lambda process=process: work(process)) for process in range(PROCESSES)]
    assert exit_codes(pids) == {0}
    state = store.read()
    numbers = range(PROCESSES * CALLS)
    assert sorted(entry.id for entry in state.calls) == [call(number).id for number in numbers]
    assert state.totals.tokens_in == sum(call(number).usage.input_tokens for number in numbers)
    assert state.totals.cost_usd == sum(call(number).cost_usd for number in numbers)
    text = store.path.read_text()
    assert f"total_cost_usd: {decimal_text(state.totals.cost_usd)}\n" in text
    assert f"total_tokens_in: {state.totals.tokens_in}\n" in text
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    assert len(yaml.load(text, loader)["telemetry"]["calls"]) == PROCESSES * CALLS


def record(store: StateStore, first: int, reported: int) -> None:
    """Record calls until killed; write each id once it is recorded."""
    number = first
    while True:
        entry = call(number)
        store.keep(entry)
        store.append(entry)
        os.write(reported, f"{entry.id}\n".encode())
        store.mark_entered(entry.id)
        number += 1


def kill_while_recording(store: StateStore, first: int, reports: int, delay_s: float) -> list[str]:
    """The ids that a process reported before it was killed: some time after so many reports."""
    reader, writer = os.pipe()
    pid = in_child(lambda: record(store, first, writer))
    os.close(writer)
    with os.fdopen(reader) as lines:
        reported = [lines.readline().strip() for _ in range(reports)]
        time.sleep(delay_s)
        os.kill(pid, signal.SIGKILL)
        assert exit_codes([pid]) == {-signal.SIGKILL}
        return reported + lines.read().split()


@pytest.mark.reliability
def test_kills_at_random_moments_lose_and_double_nothing(tmp_path: Path) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    moments = random.Random(seed)
    for file in range(KILLS // KILLS_PER_FILE):
        store = new_store(tmp_path / str(file))
        reported: list[str] = []
        for kill in range(KILLS_PER_FILE):
            delay_s = moments.uniform(0.001, 0.02)
            reported += kill_while_recording(store, kill * 1000, kill % 2, delay_s)
            ids = [entry.id for entry in store.read().calls]
            assert len(ids) == len(set(ids))
            assert set(reported) <= set(ids)
        kept = [path.parent.name for path in store.runs_dir.glob("*/call.pending.json")]
        before = {entry.id for entry in store.read().calls}
        entered = [kept.record.id for kept in store.enter_kept()]
        assert sorted(entered) == sorted(kept)
        ids = [entry.id for entry in store.read().calls]
        assert len(ids) == len(set(ids)) == len(before | set(kept))
        assert store.enter_kept() == []
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        calls = yaml.load(store.path.read_text(), loader)["telemetry"]["calls"]
        assert [entry["id"] for entry in calls] == ids
