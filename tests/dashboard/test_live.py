"""The pages are told what changes in the files, whoever writes them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.cost_box import add, call
from support.dashboard_box import CONFIG, Served, dashboard
from support.workflow_box import STREAM, box_with, put_change
from support.workspace import Sandbox, make_sandbox

from agentd.clock import precise_utc_now
from agentd.dashboard.live import Live
from agentd.dashboard.server import serve
from agentd.ledger.store import StateStore
from agentd.project.layout import find_project


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = make_sandbox(tmp_path, CONFIG)
    add(box, "add-oauth", call(1, cost_usd=Decimal("44.50")))
    return box


def test_changes_of_openspec_are_followed(tmp_path: Path) -> None:
    box = make_sandbox(tmp_path, CONFIG)
    (box.root / "agentd" / "specs").rmdir()
    folder = box.root / "openspec" / "changes" / "add-oauth"
    folder.mkdir(parents=True)
    (folder / "proposal.md").write_text("# Change: OAuth\n")
    (folder / "tasks.md").write_text("## 1. Code\n- [x] 1.1 One\n- [ ] 1.2 Two\n")
    with dashboard(box.root) as served, served.events() as events:
        [row] = events.until("snapshot")["changes"]
        assert (row["id"], row["calls"], row["tasks"], row["tasks_done"]) == ("add-oauth", 0, 2, 1)
        store = StateStore(folder)
        store.create("add-oauth")
        store.append(call(1, cost_usd=Decimal("44.50")))
        while not (changed := events.until("update")["changed"]) or not changed[0]["calls"]:
            pass
        assert changed[0]["cost"] == "$44.50"


def test_pages_that_read_nothing_delay_no_other_one(box: Sandbox, served: Served) -> None:
    store = StateStore(box.change("add-oauth"))
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(served.events()) for _ in range(100)]
        reader = stack.enter_context(served.events())
        reader.until("snapshot")
        for number in range(2, 8):
            began = time.monotonic()
            store.append(call(number))
            while not any(row["calls"] == number for row in reader.until("update")["changed"]):
                pass
            assert time.monotonic() - began < 5
        for late in (idle[0], idle[-1]):
            while not any(row["calls"] == 7 for row in late.until("update")["changed"]):
                pass


@pytest.fixture
def served(box: Sandbox) -> Iterator[Served]:
    with dashboard(box.root) as served:
        yield served


def test_a_call_that_is_recorded_is_told_at_once_with_the_budget_it_crosses(
    box: Sandbox, served: Served
) -> None:
    store = StateStore(box.change("add-oauth"))
    with served.events() as events:
        first = events.until("snapshot")
        assert first["budgets"][0]["level"] == "ok"
        assert first["budgets"][0]["spent"] == "$44.50"
        assert first["alerts"] == []
        store.append(call(2, cost_usd=Decimal("0.62")))
        began = time.monotonic()
        second = events.until("update", gone=[])
        assert time.monotonic() - began < 1.0  # 0.1 on a machine that does nothing else
        budget = second["budgets"][0]
        assert (budget["level"], budget["spent"], budget["left"]) == (
            "warning",
            "$45.12",
            "$4.88 left",
        )
        assert [alert["text"] for alert in second["alerts"]] == [
            "⚠️  BUDGET WARNING: 90% threshold reached ($45.12 / $50.00)"
        ]
        assert not second["alerts"][0]["is_error"]
        assert [row["cost_usd"] for row in second["changed"]] == ["45.12"]
        store.append(call(3, cost_usd=Decimal(5)))
        third = events.until("update", gone=[])
        assert third["budgets"][0]["level"] == "exceeded"
        assert [alert["is_error"] for alert in third["alerts"]] == [False, True]


def test_a_ledger_that_breaks_says_so_and_recovers(box: Sandbox, served: Served) -> None:
    ledger = box.change("add-oauth") / "STATE.yaml"
    whole = ledger.read_text()
    with served.events() as events:
        events.until("snapshot")
        ledger.write_text(whole[:-200] + "\n  - {")
        [row] = events.until("update")["changed"]
        assert row["phase"] == "broken"
        assert "STATE.yaml" in row["problem"]
        assert served.json("/api/changes/add-oauth")["problem"]
        ledger.write_text(whole)
        [row] = events.until("update")["changed"]
        assert row["problem"] is None
        assert row["cost_usd"] == "44.5"


def test_changes_come_and_go(box: Sandbox, served: Served) -> None:
    with served.events() as events:
        events.until("snapshot")
        add(box, "dark-mode", call(7))
        while True:
            rows = {row["id"]: row for row in events.until("update")["changed"]}
            if rows.get("dark-mode", {}).get("calls") == 1:
                break
        (box.root / "agentd" / "archive").mkdir()
        archived = box.root / "agentd" / "archive" / "20261130-dark-mode"
        shutil.move(box.change("dark-mode"), archived)
        seen: set[str] = set()
        gone: set[str] = set()
        while "20261130-dark-mode" not in seen or "dark-mode" not in gone:
            update = events.until("update")
            seen |= {row["key"] for row in update["changed"]}
            gone |= {*update["gone"]}
        assert update["totals"]["calls"] == 2


def test_tasks_that_are_ticked_and_a_config_that_changes_are_seen(
    box: Sandbox, served: Served
) -> None:
    tasks = box.change("add-oauth") / "tasks.md"
    config = box.root / "agentd" / "config.toml"
    with served.events() as events:
        events.until("snapshot")
        tasks.write_text("# Tasks\n\n- [x] 1.1 one\n- [ ] 1.2 two\n")
        [row] = events.until("update")["changed"]
        assert (row["tasks_done"], row["tasks"]) == (1, 2)
        config.write_text(CONFIG.replace("50.0", "40.0"))
        update = events.until("update")
        assert update["budgets"][0]["level"] == "exceeded"
        config.write_text(CONFIG + "\n[budget\n")
        update = events.until("update")
        assert update["budgets"] == []
        assert "config.toml" in update["problems"][0]
        config.write_text(CONFIG)
        assert events.until("update")["problems"] == []


def test_files_that_cant_be_read_are_told_until_they_can(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = Live(find_project(box.root))
    monkeypatch.setattr("agentd.dashboard.live._AGAIN_S", 0.01)

    def fails(among: object = None) -> frozenset[str]:
        raise OSError(24, "Too many open files")

    async def watched() -> list[dict[str, Any]]:
        live.task = asyncio.create_task(live.watch())
        await live.loaded.wait()
        told = []
        with live.page() as queue:
            await queue.get()
            with monkeypatch.context() as patch:
                patch.setattr(live.index, "refresh", fails)
                add(box, "another", call(2))
                told.append(await asyncio.wait_for(queue.get(), 20))
            while b"Too many" in (now := await asyncio.wait_for(queue.get(), 20)):
                pass
            told.append(now)
        live.task.cancel()
        return [json.loads(one.partition(b"data: ")[2]) for one in told]

    first, then = asyncio.run(watched())
    assert "Too many open files" in first["problems"][0]
    assert then["problems"] == []


def test_a_page_that_is_opened_later_gets_the_burn_rate_of_then(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = Live(find_project(box.root))
    live.index.load()
    live.loaded.set()
    with live.page() as queue:
        first = queue.get_nowait()
    monkeypatch.setattr("agentd.dashboard.live.time.monotonic", lambda: 10.0**9)
    later = precise_utc_now() + timedelta(days=90)
    monkeypatch.setattr("agentd.dashboard.live.precise_utc_now", lambda: later)
    with live.page() as queue:
        then = queue.get_nowait()
    documents = [json.loads(one.partition(b"data: ")[2]) for one in (first, then)]
    assert [one["budgets"][0]["burn"] is None for one in documents] == [False, True]


def test_a_watch_that_fails_ends_the_server_with_its_reason(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("agentd.dashboard.index.Index.load", fails)
    with pytest.raises(ZeroDivisionError):
        asyncio.run(serve(find_project(box.root), "127.0.0.1", 0, lambda _: None))


def test_it_writes_nothing_in_the_project(box: Sandbox, served: Served) -> None:
    def files() -> dict[str, int]:
        return {str(path): path.lstat().st_mtime_ns for path in box.root.rglob("*")}

    before = files()
    with served.events() as events:
        events.until("snapshot")
        for path in ("/api/charts", "/api/changes/add-oauth", "/api/changes/add-oauth/forecast",
                     "/api/changes/add-oauth/calls/c1"):  # fmt: skip
            served.json(path)
        time.sleep(0.5)
    assert files() == before


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kathmandu", "no/zone", "../../etc", ""])
def test_charts_are_in_the_zone_that_is_asked_for(served: Served, zone: str) -> None:
    charts = served.json(f"/api/charts?zone={zone}")
    assert [model["cost_usd"] for model in charts["models"]] == [["44.5"]]


def test_a_step_is_shown_while_it_runs(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    put_change(box, "a", "proposed")
    box.answer(
        "challenge", STREAM, {"change/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"}, sleep_s=2
    )
    with dashboard(box.root) as served, served.events() as events:
        events.until("snapshot")
        environ = {**os.environ, "HOME": str(tmp_path)}
        command = [sys.executable, "-m", "agentd", "challenge", "a"]
        with subprocess.Popen(command, cwd=box.root, env=environ, stdout=-3, stderr=-3) as process:
            while not (running := events.until("update")["running"]):
                pass
            assert running[0]["id"] == "a"
            assert running[0]["step"] == "challenge"
            assert running[0]["round"][0] == 1
            assert running[0]["provider"]
            while events.until("update")["running"]:
                pass
            assert process.wait() == 0
