"""``agentd demo --budget``: its sums, what it publishes, and the ledger that it leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.command import agentd
from support.dashboard_box import dashboard

from agentd import CostMetrics, StateManager
from agentd.cli.demo.budget import LARGE, LONGER, SMALL

D = Decimal
SHOWN = """\
100 items, a budget of $50.00, a warning at 90 %.
demo-large needs $0.53 for most items.
item   1: agent-1, demo-large, $0.53; $0.53 of $50.00 (1 %, $49.47 left)
item  10: agent-2, demo-large, $0.53; $5.30 of $50.00 (10 %, $44.70 left)
item  20: agent-4, demo-large, $0.53; $10.60 of $50.00 (21 %, $39.40 left)
item  30: agent-2, demo-large, $0.53; $15.90 of $50.00 (31 %, $34.10 left)
item  40: agent-4, demo-large, $0.53; $21.20 of $50.00 (42 %, $28.80 left)
item  50: agent-2, demo-large, $0.53; $26.50 of $50.00 (53 %, $23.50 left)
item  60: agent-4, demo-large, $0.53; $31.80 of $50.00 (63 %, $18.20 left)
item  70: agent-2, demo-large, $0.53; $37.10 of $50.00 (74 %, $12.90 left)
item  80: agent-4, demo-large, $0.53; $42.40 of $50.00 (84 %, $7.60 left)
item  84: agent-4, demo-large, $0.53; $44.52 of $50.00 (89 %, $5.48 left)
item  85: agent-1, demo-large, $0.60; $45.12 of $50.00 (90 %, $4.88 left)
⚠️  BUDGET WARNING: 90% threshold reached ($45.12 / $50.00)
demo-small takes over: $0.30 an item. demo-large would exceed the budget with item 95, so 6 items \
would be left undone.
item  86: agent-2, demo-small, $0.30; $45.42 of $50.00 (90 %, $4.58 left)
item  90: agent-2, demo-small, $0.30; $46.62 of $50.00 (93 %, $3.38 left)
item 100: agent-4, demo-small, $0.30; $49.62 of $50.00 (99 %, $0.38 left)

100 items are done: $49.62 of $50.00 (99 %, $0.38 left).
  agent-1: $12.63
  agent-2: $12.33
  agent-3: $12.33
  agent-4: $12.33
"""


def test_the_sums_are_those_that_can_be_reckoned(tmp_path: Path) -> None:
    large, small = (model.cost(model.usual).total_usd for model in (LARGE, SMALL))
    longer = LARGE.cost(LONGER[85]).total_usd
    assert (large, longer, small) == (D("0.53"), D("0.60"), D("0.30"))
    assert 84 * large == D("44.52") < D(45)  # 90 % of $50
    assert 84 * large + longer == D("45.12") > D(45)
    assert 84 * large + longer + 15 * small == D("49.62") < D(50)
    assert 84 * large + longer + 9 * large == D("49.89")  # item 94
    done = agentd("demo", "--budget", cwd=tmp_path)
    assert done.returncode == 0
    head, _, rest = done.stdout.partition("\n\n")
    assert head.startswith("This is a demonstration: the models and their costs are made up")
    assert rest == SHOWN
    assert list(tmp_path.iterdir()) == []


def test_others_see_it_live(tmp_path: Path) -> None:
    path, events = tmp_path / "agents.db", list[dict[str, Any]]()
    with StateManager(path) as state:
        state.subscribe(events.append)
        command = [sys.executable, "-m", "agentd", "demo", "--budget", "--pause", "0.01"]
        with subprocess.Popen(
            [*command, "--state", str(path)], stdout=subprocess.DEVNULL, env={**os.environ}
        ) as running:
            while len(events) < 50:
                assert running.poll() is None
                time.sleep(0.005)
            assert running.poll() is None  # it is still at work
            assert running.wait(60) == 0
        deadline = time.monotonic() + 20
        while len(events) < 101:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        kinds = [event["type"] for event in events]
        assert kinds.count("agent_state_changed") == 100
        assert [place for place, kind in enumerate(kinds) if kind == "cost_warning"] == [85]
        assert events[85]["total_spent"] == "45.12"
        last = state.get_agent_state("agent-4")
        assert isinstance(last, CostMetrics)
        assert (last.total_spent, last.last_cost) == (D("49.62"), D("0.3"))
        assert len(state.agent_states()) == 4


def test_the_dashboard_shows_it_live(tmp_path: Path) -> None:
    root = tmp_path / "kept"
    ledger = root / "agentd/changes/hundred-items/STATE.yaml"
    command = [sys.executable, "-m", "agentd", "demo", "--budget", "--keep", str(root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        while not ledger.exists() or "cost_usd: 0.53" not in ledger.read_text():
            assert running.poll() is None
            time.sleep(0.002)
        running.send_signal(signal.SIGSTOP)  # until somebody looks
        try:
            with dashboard(root) as served, served.events() as events:
                first = events.until("snapshot")
                running.send_signal(signal.SIGCONT)
                update = events.until("update")
                while update["budgets"][0]["spent"] != "$49.62":
                    update = events.until("update")
        finally:
            running.send_signal(signal.SIGCONT)
        assert running.stdout is not None
        assert (
            f"\nThe dashboard shows it live: agentd -C {root} dashboard\n" in running.stdout.read()
        )
        assert running.wait(60) == 0
    assert (first["budgets"][0]["level"], first["alerts"]) == ("ok", [])
    assert update["budgets"][0]["level"] == "warning"
    assert [alert["text"] for alert in update["alerts"]] == [
        "⚠️  BUDGET WARNING: 90% threshold reached ($49.62 / $50.00)"
    ]


def test_a_ledger_that_is_kept_says_the_same(tmp_path: Path) -> None:
    root = tmp_path / "kept"
    done = agentd("demo", "--budget", "--keep", str(root), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert SHOWN in done.stdout
    told = [line.split() for line in done.stdout.splitlines() if line.startswith("  agentd -C ")]
    for _, _, folder, *command in told:
        assert folder == str(root)
        assert agentd("-C", folder, *command, cwd=tmp_path).returncode == 0
    state = yaml.safe_load((root / "agentd/changes/hundred-items/STATE.yaml").read_text())
    assert len(state["telemetry"]["calls"]) == 100
    assert state["telemetry"]["total_cost_usd"] == 49.62
    assert state["budget_warned"] == "percent@90@50"
    status = agentd("-C", str(root), "status", "hundred-items", cwd=tmp_path).stdout
    assert "\nTotal Cost: $49.6200\n" in status
    assert "\nBudget: $49.62 of $50.00 (99 %, $0.38 left)\n" in status
    audit = agentd("-C", str(root), "cost", "audit", cwd=tmp_path)
    assert (audit.returncode, "no differences" in audit.stdout) == (0, True)


@pytest.mark.parametrize("option", [("--state", "agents.db"), ("--pause", "1")])
def test_options_of_the_budget_need_it(option: tuple[str, str], tmp_path: Path) -> None:
    done = agentd("demo", *option, cwd=tmp_path)
    assert done.returncode == 2
    assert "--state and --pause belong to --budget" in done.stderr


def test_folders_and_files_that_can_not_be_used_are_told(tmp_path: Path) -> None:
    done = agentd("demo", "--budget", "--keep", str(tmp_path.parent), cwd=tmp_path)
    assert (done.returncode, "is not empty" in done.stderr) == (1, True)
    done = agentd("demo", "--budget", "--state", "missing/agents.db", cwd=tmp_path)
    assert done.returncode == 1
    assert "missing/agents.db can't be used: unable to open database file" in done.stderr
