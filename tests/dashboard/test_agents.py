"""The page shows the agents of a StateManager's file, and never makes or changes that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.browser import chromium, findings, page_of
from support.dashboard_box import Events, Served, dashboard

from agentd import BudgetTracker, CostMetrics, StateManager, publish_cost_metrics


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agents.db"


@pytest.fixture
def served(tmp_path: Path, path: Path) -> Iterator[Served]:
    with dashboard(tmp_path, "--state", path.name) as served:  # in no project
        yield served


def until(events: Events, **wanted: Any) -> Any:
    """The next document whose first file holds these values."""
    while True:
        name, document = events.next()
        if name != "loading" and wanted.items() <= document["agents"][0].items():
            return document


def test_a_file_is_waited_for_and_followed_with_its_warnings(path: Path, served: Served) -> None:
    tracker = BudgetTracker(50)
    with served.events() as events:
        first = until(events, is_there=False)
        assert first["agents"] == [
            {"file": str(path), "is_there": False, "problem": None, "agents": []}
        ]
        assert first["problems"] == []
        assert not path.exists()
        with StateManager(path, thresholds=[0.9]) as state:
            state.save_agent_state("agent-0", {"mood": "not a budget"})
            for agent, cost_usd in (("agent-1", "44.52"), ("agent-2", "0.60")):
                tracker.record_cost(agent, Decimal(cost_usd))
                publish_cost_metrics(agent, Decimal(cost_usd), tracker, state)
                now = until(events, is_there=True)  # who listens now is told of what comes
            while not now["alerts"]:
                now = until(events, is_there=True)
            rows = {row["id"]: row for row in now["agents"][0]["agents"]}
            assert {name: row["level"] for name, row in rows.items()} == {
                "agent-1": "ok",
                "agent-2": "warning",
            }
            shown = {name: rows["agent-2"][name] for name in ("spent", "limit", "left", "share")}
            assert shown == {
                "spent": "$45.12", "limit": "$50.00", "left": "$4.88 left", "share": 0.9024
            }  # fmt: skip
            [alert] = now["alerts"]
            assert not alert["is_error"]
            assert alert["text"].startswith("agent-2: ")
            assert "$45.12" in alert["text"]
            state.save_agent_state("agent-2", exceeding("agent-2", "51.12"))
            while len(now["alerts"]) < 2:
                now = until(events, is_there=True)
            assert [one["is_error"] for one in now["alerts"]] == [False, True]
            assert "$51.12" in now["alerts"][1]["text"]
        path.unlink()
        assert until(events, is_there=False)["agents"][0]["agents"] == []
        assert not path.exists()


def exceeding(agent_id: str, spent: str) -> CostMetrics:
    """A tracker refuses such a cost; a program that sums by itself may tell it."""
    spent_usd = Decimal(spent)
    return CostMetrics(
        agent_id=agent_id,
        total_spent=spent_usd,
        budget_limit=Decimal(50),
        percentage_used=float(spent_usd / 50),
        last_cost=Decimal(6),
        timestamp=1_790_000_000_000,
    )


@pytest.mark.parametrize("content", [b"no database at all, but long enough " * 40, None, b""])
def test_what_is_no_state_file_is_told_until_it_is_one(
    content: bytes | None, path: Path, served: Served
) -> None:
    if content is None:
        path.mkdir()
    elif not content:
        os.mkfifo(path)
    else:
        path.write_bytes(content)
    with served.events() as events:
        while not (now := until(events, is_there=True))["problems"]:
            pass
        assert str(path) in now["problems"][0]
        if content is None:
            path.rmdir()
        else:
            assert not content or path.read_bytes() == content
            path.unlink()
        with StateManager(path) as state:
            publish_cost_metrics("a", 1, BudgetTracker(5), state)
            assert until(events, problem=None, is_there=True)["problems"] == []


def test_a_reader_changes_nothing(path: Path) -> None:
    with StateManager(path) as state:
        publish_cost_metrics("a", 1, BudgetTracker(5), state)
    before = path.read_bytes()
    with StateManager(path, read_only=True) as reader:
        assert list(reader.agent_states()) == ["a"]
        with pytest.raises(ValueError, match="only reads"):
            reader.save_agent_state("b", {})
        with pytest.raises(ValueError, match="only reads"):
            publish_cost_metrics("b", 1, BudgetTracker(5), reader)
    assert path.read_bytes() == before


@pytest.mark.services
def test_the_panel_in_a_browser(path: Path, served: Served) -> None:
    tracker = BudgetTracker(50)
    with chromium() as browser, page_of(browser, served.url, ready="#agents") as page:
        page.get_by_text("The file is not there yet").wait_for()
        with StateManager(path, thresholds=[0.9]) as state:
            for cost_usd, title, word in (
                (44, None, "Within budget"),
                (2, "Budget warning", "Warning: 92 %"),
                (5, "Budget exceeded", "Budget exceeded: 102 %"),
            ):
                if tracker.total_spent() + cost_usd > 50:
                    state.save_agent_state("<b>a</b>", exceeding("<b>a</b>", "51"))
                else:
                    tracker.record_cost("<b>a</b>", cost_usd)
                    publish_cost_metrics("<b>a</b>", cost_usd, tracker, state)
                badge = page.locator("#agents tbody .badge")
                page.wait_for_function(
                    "word => document.querySelector('#agents .badge')?.textContent === word",
                    arg=word,
                )
                assert badge.count() == 1
                if title is not None:
                    page.wait_for_selector("#alert[open]")
                    assert page.inner_text("#alert-title") == title
                    assert findings(page) == []
                    page.keyboard.press("Enter")
        assert page.inner_text("#agents tbody th") == "<b>a</b>"
        assert page.title().startswith("102 % spent")
