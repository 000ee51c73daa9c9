"""What a budget logs: with fields, in colour on a terminal alone, and without handlers."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from support.terminal import on_a_terminal

from agentd import BudgetExceeded, BudgetMonitor, BudgetTracker, check_threshold, log_budget_warning

D = Decimal
TEXT = "⚠️  BUDGET WARNING: 90% threshold reached ($45.12 / $50.00)"
YELLOW = f"\x1b[33m{TEXT}\x1b[0m"
WARN = """
from agentd import *
tracker = BudgetTracker(50)
tracker.record_cost("a", 45.12)
log_budget_warning(check_threshold(tracker, 0.9))
"""
TO_BOTH = """
import logging
handlers = [logging.StreamHandler(), logging.FileHandler("log")]
logging.basicConfig(handlers=handlers, format="%(message)s")
"""
AS_JSON = """
import json, logging
class AsJson(logging.Formatter):
    def format(self, record):
        return json.dumps(vars(record), default=str)
handler = logging.StreamHandler()
handler.setFormatter(AsJson())
logging.basicConfig(handlers=[handler])
"""


def shown(folder: Path, program: str, **environ: str) -> str:
    command = [sys.executable, "-c", program]
    code, text = on_a_terminal(command, folder, {**os.environ, "TERM": "xterm", **environ})
    assert code == 0, text
    return text.replace("\r\n", "\n")


def test_a_warning_is_yellow_on_a_terminal_alone(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    assert shown(tmp_path, WARN, NO_COLOR="") == f"{YELLOW}\n"
    assert shown(tmp_path, WARN, NO_COLOR="1") == f"{TEXT}\n"
    assert shown(tmp_path, WARN, NO_COLOR="", TERM="dumb") == f"{TEXT}\n"
    formatted = "import logging; logging.basicConfig(format='%(levelname)s %(message)s')\n"
    assert shown(tmp_path, formatted + WARN, NO_COLOR="") == f"WARNING {YELLOW}\n"
    piped = subprocess.run(
        [sys.executable, "-c", WARN], capture_output=True, text=True, check=True, env=environ
    )
    assert (piped.stdout, piped.stderr) == ("", f"{TEXT}\n")


def test_no_file_gets_colours_because_a_terminal_is_there_too(tmp_path: Path) -> None:
    assert shown(tmp_path, TO_BOTH + WARN, NO_COLOR="") == f"{TEXT}\n"
    assert (tmp_path / "log").read_text() == f"{TEXT}\n"
    told = json.loads(shown(tmp_path, AS_JSON + WARN, NO_COLOR=""))
    assert "\x1b" not in json.dumps(told)
    assert {name: told[name] for name in ("event", "threshold", "percentage_used")} == {
        "event": "budget_warning",
        "threshold": 0.9,
        "percentage_used": 0.9024,
    }
    assert (told["total_spent"], told["remaining"], told["budget_limit"]) == ("45.12", "4.88", "50")


def test_each_cost_is_logged_with_its_fields(caplog: pytest.LogCaptureFixture) -> None:
    tracker = BudgetTracker(50)
    tracker.record_cost("quiet", 1)
    assert caplog.records == []
    with caplog.at_level(logging.INFO, "agentd.budget.costs"):
        tracker.record_cost("a", "0.53")
        with pytest.raises(BudgetExceeded):
            tracker.record_cost("b", 60)
    recorded, exceeded = caplog.records
    assert (recorded.levelname, recorded.getMessage()) == (
        "INFO",
        "Cost recorded: $0.530000 by a, $1.53 of $50.00 (3 %, $48.47 left)",
    )
    names = ("event", "agent_id", "last_cost", "total_spent", "remaining", "budget_limit")
    assert [vars(recorded)[name] for name in names] == [
        *("cost_recorded", "a", D("0.53"), D("1.53"), D("48.47"), D(50)),
    ]
    assert vars(recorded)["percentage_used"] == 0.0306
    assert (exceeded.levelname, exceeded.getMessage()) == (
        "ERROR",
        "Budget exceeded: $61.53 / $50.00",
    )
    assert [vars(exceeded)[name] for name in names] == [
        *("budget_exceeded", "b", D(60), D("1.53"), D("48.47"), D(50)),
    ]


def test_a_monitor_logs_each_crossing_once(caplog: pytest.LogCaptureFixture) -> None:
    tracker = BudgetTracker(10)
    monitor = BudgetMonitor(tracker, thresholds=[0.5, 0.9])
    for _ in range(10):
        tracker.record_cost("a", 1)
        monitor.check()
    shares = [vars(one)["threshold"] for one in caplog.records if one.name == "agentd.budget"]
    assert shares == [0.5, 0.9]


def test_a_program_that_set_up_no_logging_is_told_warnings_alone(tmp_path: Path) -> None:
    program = (
        "import contextlib\n"
        "from agentd import *\n"
        "tracker = BudgetTracker(1)\n"
        "tracker.record_cost('a', 1)\n"
        "with contextlib.suppress(BudgetExceeded):\n"
        "    tracker.record_cost('a', 1)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout + done.stderr == ""


def test_a_closed_stream_is_no_terminal(caplog: pytest.LogCaptureFixture) -> None:
    with open(os.devnull, "w") as closed:
        handler = logging.StreamHandler(closed)
    logger = logging.getLogger("agentd.budget")
    logger.addHandler(handler)
    handler.handle = lambda record: True  # type: ignore[method-assign, assignment]
    tracker = BudgetTracker(50)
    tracker.record_cost("a", 45.12)
    warning = check_threshold(tracker, 0.9)
    assert warning is not None
    try:
        log_budget_warning(warning)
    finally:
        logger.removeHandler(handler)
    assert caplog.messages == [TEXT]
