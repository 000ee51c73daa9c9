"""States of agents are kept, in memory or in a file, and told to whoever listens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from agentd import BudgetTracker, CostMetrics, StateManager, publish_cost_metrics
from agentd.budget.state_file import KEPT_EVENTS
from agentd.errors import StateError

D = Decimal
Event = dict[str, Any]


@pytest.fixture(params=["memory", "file"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return ":memory:" if request.param == "memory" else str(tmp_path / "agents.db")


def until(found: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_is_saved_comes_back(place: str) -> None:
    with StateManager(place) as state:
        assert state.get_agent_state("a") is None
        given = {"step": "review", "cost": D("0.10"), "seen": [1, None, {"é": True}]}
        state.save_agent_state("a", given)
        given["step"] = "changed later"
        told = {"step": "review", "cost": "0.1", "seen": [1, None, {"é": True}]}
        assert state.get_agent_state("a") == told
        tracker = BudgetTracker(50)
        tracker.record_cost("b", "0.53")
        publish_cost_metrics("b", "0.53", tracker, state)
        metrics = state.get_agent_state("b")
        assert isinstance(metrics, CostMetrics)
        assert (metrics.total_spent, metrics.budget_limit, metrics.last_cost) == (
            *(D("0.53"), D(50), D("0.53")),
        )
        assert state.agent_states() == {"a": told, "b": metrics}
        state.save_agent_state("b", {})
        assert state.get_agent_state("b") == {}


def test_subscribers_get_changes_and_a_crossing_once(place: str) -> None:
    with StateManager(place, thresholds=[0.5, 0.9]) as state:
        events: list[Event] = []
        unsubscribe = state.subscribe(events.append)
        tracker = BudgetTracker(10)
        for _ in range(10):
            tracker.record_cost("a", 1)
            publish_cost_metrics("a", 1, tracker, state)
        # A subscriber that answers in time is done when publishing returns.
        kinds = [event["type"] for event in events]
        assert kinds.count("agent_state_changed") == 10
        assert [place for place, kind in enumerate(kinds) if kind == "cost_warning"] == [5, 10]
        assert events[5] == {
            "type": "cost_warning",
            "agent_id": "a",
            "timestamp": events[4]["timestamp"],
            "threshold": 0.5,
            "percentage_used": 0.5,
            "total_spent": "5.0",
            "budget_limit": "10.0",
            "remaining": "5.0",
            "last_cost": "1.0",
            "message": "⚠️  BUDGET WARNING: 50% threshold reached ($5.00 / $10.00)",
        }
        metrics = state.get_agent_state("a")
        assert isinstance(metrics, CostMetrics)
        assert events[-1] == {
            "type": "agent_state_changed",
            "agent_id": "a",
            "timestamp": metrics.timestamp,
            "state": metrics.as_dict(),
        }
        assert json.loads(json.dumps(events)) == events
        unsubscribe()
        unsubscribe()
        state.save_agent_state("a", {})
        assert len(events) == 12
        other = BudgetTracker(1)  # its crossings are its own
        state.subscribe(events.append)
        other.record_cost("a", 1)
        publish_cost_metrics("a", 1, other, state)
        assert [event["type"] for event in events[12:]] == [
            "agent_state_changed",
            *["cost_warning"] * 2,
        ]


def test_many_threads_lose_nothing(place: str) -> None:
    threads, costs, cost = 20, 50, D("0.01")
    tracker = BudgetTracker(threads * costs * cost)
    with StateManager(place) as state:
        events: list[Event] = []
        state.subscribe(events.append)

        def spend(number: int) -> None:
            for _ in range(costs):
                tracker.record_cost(f"agent-{number}", cost)
                publish_cost_metrics(f"agent-{number}", cost, tracker, state)

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(spend, range(threads)))
        until(lambda: len(events) == threads * costs + 1)
        changes = [event["state"] for event in events if event["type"] == "agent_state_changed"]
        totals = [D(change["total_spent"]) for change in changes]
        assert totals == sorted(totals)
        assert totals[-1] == tracker.total_spent()
        assert sum(D(change["last_cost"]) for change in changes) == tracker.total_spent()
        for number in range(threads):
            own = [one for one in changes if one["agent_id"] == f"agent-{number}"]
            assert len(own) == costs
            kept = state.get_agent_state(f"agent-{number}")
            assert isinstance(kept, CostMetrics)
            assert kept.as_dict() == own[-1]


def test_no_older_total_replaces_a_newer_one_in_a_mapping() -> None:
    tracker, totals = BudgetTracker(1000), []

    class Slow(dict[str, CostMetrics]):
        def __setitem__(self, key: str, value: CostMetrics) -> None:
            time.sleep(0.0001)
            totals.append(value.total_spent)

    state = Slow()

    def spend(_: int) -> None:
        tracker.record_cost("a", 1)
        publish_cost_metrics("a", 1, tracker, state)

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(spend, range(200)))
    assert totals == sorted(totals)
    assert totals[-1] == 200


def test_one_that_raises_gets_the_next_and_harms_nobody(
    place: str, caplog: pytest.LogCaptureFixture
) -> None:
    with StateManager(place) as state:
        seen: list[str] = []
        events: list[Event] = []

        def raises(event: Event) -> None:
            seen.append(event["agent_id"])
            event.clear()
            raise RuntimeError("no room on the page")

        state.subscribe(raises)
        state.subscribe(events.append)
        state.save_agent_state("a", {"n": 1})
        state.save_agent_state("b", {"n": 2})
        assert seen == ["a", "b"]
        assert [event["state"] for event in events] == [{"n": 1}, {"n": 2}]
        assert set(state.agent_states()) == {"a", "b"}
    assert "no room on the page" in caplog.text


def test_one_that_blocks_gets_all_later_and_delays_once(place: str) -> None:
    with StateManager(place) as state:
        go_on, blocked, events = threading.Event(), [], []

        def blocks(event: Event) -> None:
            go_on.wait(30)
            blocked.append(event)

        state.subscribe(blocks)
        state.subscribe(events.append)
        start = time.monotonic()
        for number in range(200):
            state.save_agent_state("a", {"n": number})
        assert time.monotonic() - start < 10  # 200 times its patience would be 20 s
        assert state.get_agent_state("a") == {"n": 199}
        until(lambda: len(events) == 200)
        assert blocked == []
        go_on.set()
        until(lambda: len(blocked) == 200)
        assert blocked == events
        state.save_agent_state("a", {"n": 200})  # in time again: it is waited for
        assert blocked[-1]["state"] == {"n": 200}


def test_a_subscriber_may_save_and_end_itself(place: str) -> None:
    with StateManager(place) as state:
        ends: list[Callable[[], None]] = []
        seen: list[Event] = []

        def answer(event: Event) -> None:
            seen.append(event)
            ends[0]()
            state.save_agent_state("answer", {"to": event["agent_id"]})

        ends.append(state.subscribe(answer))
        state.save_agent_state("a", {})
        assert state.get_agent_state("answer") == {"to": "a"}
        state.save_agent_state("b", {})
        assert len(seen) == 1


_WRITER = """
import sys
from agentd import BudgetTracker, StateManager, publish_cost_metrics
path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
tracker = BudgetTracker(count)
with StateManager(path) as state:
    print("ready", flush=True)
    for _ in range(count):
        tracker.record_cost(name, 1)
        publish_cost_metrics(name, 1, tracker, state)
"""


def writer(path: Path, name: str, count: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path), name, str(count)], stdout=subprocess.PIPE
    )


def test_processes_share_a_file_and_are_heard(tmp_path: Path) -> None:
    path, events = tmp_path / "agents.db", list[Event]()
    with StateManager(path) as state:
        state.subscribe(events.append)
        writers = [writer(path, name, 100) for name in ("a", "b", "c")]
        assert [one.wait(60) for one in writers] == [0, 0, 0]
        until(lambda: len(events) == 303)
        for name in ("a", "b", "c"):
            kinds = [event["type"] for event in events if event["agent_id"] == name]
            assert kinds.count("cost_warning") == 1
            kept = state.get_agent_state(name)
            assert isinstance(kept, CostMetrics)
            assert kept.total_spent == 100
    with StateManager(path) as again:
        assert set(again.agent_states()) == {"a", "b", "c"}


def test_a_killed_writer_leaves_a_sound_file(tmp_path: Path) -> None:
    path, seen = tmp_path / "agents.db", D(0)
    for pause_s in (0.0, 0.02):
        killed = writer(path, "a", 1_000_000)
        assert killed.stdout is not None
        assert killed.stdout.readline() == b"ready\n"
        with StateManager(path) as state:
            state.save_agent_state("a", {})
            until(lambda: state.get_agent_state("a") != {})
            time.sleep(pause_s)
            os.kill(killed.pid, signal.SIGKILL)
            killed.wait()
            kept = state.get_agent_state("a")
            assert isinstance(kept, CostMetrics)
            assert kept.total_spent > 0
            state.save_agent_state("b", {"seen": seen})
        killed.stdout.close()


def test_a_forked_child_writes_on(tmp_path: Path) -> None:
    path = tmp_path / "agents.db"
    with StateManager(path) as state:
        events: list[Event] = []
        state.subscribe(events.append)
        state.save_agent_state("parent", {})
        with state._lock:  # as a thread of the parent may hold it at that moment
            pid = os.fork()
            if pid == 0:
                state.save_agent_state("child", {"pid": os.getpid()})
                os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        until(lambda: len(events) == 2)
        assert events[1]["state"] == {"pid": pid}
        state.save_agent_state("parent", {"after": 1})
        assert state.get_agent_state("child") == {"pid": pid}


def test_who_misses_events_is_told_how_it_stands(place: str) -> None:
    with StateManager(place) as state:
        events: list[Event] = []
        state.subscribe(events.append)
        with state._lock:  # so that it looks when all is over
            state._store.save("a", state_of(7), ["{}"] * (KEPT_EVENTS + 5))
            state._store.save("b", state_of(0), ['{"type": "last"}'])
            state.save_agent_state("c", {})
        until(lambda: len(events) == KEPT_EVENTS + 3)
        assert [event.get("agent_id") for event in events[:3]] == ["a", "b", "c"]
        assert events[0]["state"] == {"n": 7}
        assert events[-1]["agent_id"] == "c"


def state_of(number: int) -> Any:
    from agentd.budget.state_file import Kept

    return Kept("json", json.dumps({"n": number}))


def test_a_file_that_was_deleted_begins_again(tmp_path: Path) -> None:
    path, events = tmp_path / "agents.db", list[Event]()
    with StateManager(path) as state:
        state.subscribe(events.append)
        for number in range(5):
            state.save_agent_state("a", {"n": number})
        path.unlink()
        state.save_agent_state("b", {})
        assert set(state.agent_states()) == {"b"}
        until(lambda: events[-1]["agent_id"] == "b")
        with StateManager(path) as other:
            assert set(other.agent_states()) == {"b"}


def test_a_save_that_fails_half_way_keeps_nothing_of_it(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "agents.db"
    with StateManager(path) as state, sqlite3.connect(path, isolation_level=None) as db:
        state.save_agent_state("a", {"n": 1})
        fails = "BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no room'); END"
        db.execute(f"CREATE TRIGGER full {fails}")  # the state is written by then, the event not
        with pytest.raises(StateError, match="no room"):
            state.save_agent_state("a", {"n": 2})
        assert state.get_agent_state("a") == {"n": 1}
        db.execute("DROP TRIGGER full")
        state.save_agent_state("a", {"n": 3})
        assert state.get_agent_state("a") == {"n": 3}
    db.close()


def test_files_that_can_not_be_used_are_named(tmp_path: Path) -> None:
    import sqlite3

    text = tmp_path / "notes.txt"
    text.write_text("these are notes, and no database at all\n" * 100)
    with pytest.raises(StateError, match=r"notes\.txt can't be used: file is not a database"):
        StateManager(text)
    assert text.read_text().startswith("these are notes")
    with pytest.raises(StateError, match=r"no-folder.*can't be used"):
        StateManager(tmp_path / "no-folder" / "agents.db")
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as db:
        db.execute("CREATE TABLE other (x)")
    db.close()
    with pytest.raises(StateError, match="none of this version's StateManager"):
        StateManager(foreign)


@pytest.mark.parametrize("wrong", [{"a": object()}, {"a": float("nan")}, [1], {"a": D("NaN")}])
def test_what_is_no_json_is_refused_and_nothing_told(wrong: Any, place: str) -> None:
    with StateManager(place) as state:
        events: list[Event] = []
        state.subscribe(events.append)
        with pytest.raises((TypeError, ValueError)):
            state.save_agent_state("a", wrong)
        assert state.get_agent_state("a") is None
        assert events == []
    with pytest.raises(ValueError, match="closed"):
        state.save_agent_state("a", {})
    with pytest.raises(ValueError, match="threshold is -1"):
        StateManager(place, thresholds=[-1])
