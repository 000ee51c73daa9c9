"""Budgets over the command line: before a call, while it runs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from support.budget_box import (
    APPROVED,
    OPUS,
    again,
    box_of,
    challenge,
    configure,
    in_turns,
    reserved,
    spend,
    start,
    warnings,
)
from support.recordings import recording
from support.workflow_box import STREAM, box_with, calls_of, put_change, state_of
from support.workspace import Sandbox

from agentd.state_folder import make_state_folder, state_folder_of


def test_a_call_that_must_cost_more_than_is_left_is_not_made(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget]\nlimit_usd = 2.00")
    spend(box, "add-x", "1.9999")
    done = challenge(box)
    assert done.returncode == 3
    assert "step challenge of change add-x is refused by its budget" in done.stderr
    assert "has spent $1.999900 of $2.000000; $0.000100 is left" in done.stderr
    assert "--budget-override" in done.stderr
    assert not (tmp_path / "argv.txt").exists()
    assert calls_of(box, "add-x") == [("proposal", "ok")]
    assert [path.name for path in (box.change("add-x") / "runs").iterdir() if path.is_dir()] == []


@pytest.mark.parametrize(
    "budget",
    [
        "[budget]\nlimit_tokens = 120",
        "[budget.steps.challenge]\nlimit_tokens = 5",
        "[budget.providers.gemini]\nlimit_usd = 1.99",
        '[budget.project]\nlimit_usd = 1.99\nperiod = "total"',
        "[budget]\nlimit_usd = 500\n[budget.project]\nlimit_tokens = 120\nperiod = 'total'",
    ],
)
def test_every_limit_is_asked(tmp_path: Path, budget: str) -> None:
    box = box_of(tmp_path, budget)
    spend(box, "add-x", "1.99")
    done = challenge(box)
    assert (done.returncode, (tmp_path / "argv.txt").exists()) == (3, False), done.stderr
    key = budget.rpartition("[")[2].partition("]")[0]
    assert f"({key}.limit_" in done.stderr


def test_a_person_decides_otherwise_and_that_is_recorded(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget]\nlimit_usd = 1.50")
    spend(box, "add-x", "1.49999")
    done = challenge(box, "--budget-override")
    assert done.returncode == 0, done.stderr
    last = state_of(box, "add-x")["telemetry"]["calls"][-1]
    assert (last["budget"], last["status"], last["cost_usd"]) == ("overridden", "ok", 1.191)
    assert "ERROR Budget exceeded: $2.69 / $1.50" in warnings(done)


def test_an_override_that_was_not_needed_is_not_recorded(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget]\nlimit_usd = 50")
    assert challenge(box, "--budget-override").returncode == 0
    assert "budget" not in state_of(box, "add-x")["telemetry"]["calls"][-1]


def test_a_call_is_stopped_when_the_stream_crosses_a_limit(tmp_path: Path) -> None:
    box = box_with(tmp_path, providers=("claude",))
    configure(box, f"{OPUS}[budget]\nlimit_usd = 1.12\n")
    put_change(box, "add-x", "proposed")
    in_turns(box, "claude", "claude/2.1.330/tool_stream_json_partial", ["message_stop"])
    began = time.monotonic()
    done = box.run("challenge", "add-x", "--model", "claude-opus-5-5")
    assert done.returncode == 3, done.stderr
    assert time.monotonic() - began < 20  # the stand-in would wait for 30
    assert "was stopped by its budget" in done.stderr
    assert "$1.120000 is left, $1.128000 needed (budget.limit_usd)" in done.stderr
    assert not (tmp_path / "went-on").exists()
    (call,) = state_of(box, "add-x")["telemetry"]["calls"]
    assert call["status"] == "budget_stopped"
    assert (call["tokens_in"], call["tokens_out"], call["cost_usd"]) == (1121, 7, 1.128)
    assert state_of(box, "add-x")["phase"] == "proposed"


def test_what_a_stopped_call_changed_against_the_rules_is_told(tmp_path: Path) -> None:
    box = box_with(tmp_path, providers=("claude",))
    configure(box, f"{OPUS}[budget]\nlimit_usd = 1.12\n")
    put_change(box, "add-x", "proposed")
    tasks = (box.change("add-x") / "tasks.md").read_text()
    hacks = "echo 1 > hack.py; echo x >> agentd/changes/add-x/tasks.md"
    stream = "claude/2.1.330/tool_stream_json_partial"
    in_turns(box, "claude", stream, ["message_stop"], shell=hacks)
    done = box.run("challenge", "add-x", "--model", "claude-opus-5-5")
    assert done.returncode == 3, done.stderr
    assert "(budget.limit_usd). claude changed what step challenge may not touch: " in done.stderr
    assert "touch: agentd/changes/add-x/tasks.md, hack.py\n" in done.stderr
    assert "/forbidden/. Take the rest back (git status)." in done.stderr
    assert (box.change("add-x") / "tasks.md").read_text() == tasks
    assert calls_of(box, "add-x") == [("challenge", "budget_stopped")]


def test_a_call_that_crosses_a_limit_with_its_last_word_is_not_spoiled(tmp_path: Path) -> None:
    """gemini tells its usage at its end: the work is done, and the next call is refused."""
    box = box_of(tmp_path, "[budget]\nlimit_usd = 1.00")
    done = challenge(box)
    assert done.returncode == 0, done.stderr
    assert warnings(done) == [
        "WARN  ⚠️  BUDGET WARNING: 90% threshold reached ($1.19 / $1.00)",
        "ERROR Budget exceeded: $1.19 / $1.00",
    ]
    assert state_of(box, "add-x")["phase"] == "challenged"
    again(box)
    assert challenge(box).returncode == 3


def test_the_project_is_all_changes_of_the_period_archived_too(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    box = box_of(tmp_path, "[budget.project]\nlimit_usd = 100\nwarn_at_percent = 99")
    put_change(box, "old-one", "archived")
    spend(box, "old-one", "40", started="2020-01-01T00:00:00Z")  # another month
    put_change(box, "this-month", "archived")
    spend(box, "this-month", "99.999", started=now)
    archive = box.root / "agentd/archive/20261101-this-month"
    archive.parent.mkdir()
    box.change("this-month").rename(archive)
    done = challenge(box)
    assert done.returncode == 3
    assert f"the project in {now[:7]} has spent $99.999000 of $100.000000" in done.stderr


def test_what_a_running_call_has_reserved_can_not_be_spent_by_another(tmp_path: Path) -> None:
    """Two changes at once: what a challenge has usually cost is set aside for the first."""
    box = box_of(tmp_path, '[budget.project]\nlimit_usd = 3.2\nperiod = "total"')
    put_change(box, "add-y", "proposed")
    assert challenge(box).returncode == 0  # $1.191 spent, and that is what a challenge costs
    again(box)
    configure(box, "[pricing.models.dear]\ncost_per_1m_input = 5000\ncost_per_1m_output = 1\n")
    box.answer("challenge", STREAM, APPROVED, sleep_s=6)
    running = start(box)
    deadline = time.monotonic() + 20
    while not reserved(box.root):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    done = box.run("challenge", "add-y", "--model", "dear")
    assert done.returncode == 3, done.stderr
    assert "$1.191000 reserved by running calls; $0.818000 is left" in done.stderr
    assert running.wait(30) == 0
    assert reserved(box.root) == []
    assert state_folder_of(str(box.root)) is None


def test_a_reservation_of_a_killed_agentd_counts_until_its_call_is_entered(tmp_path: Path) -> None:
    box = box_of(tmp_path, '[budget.project]\nlimit_usd = 3.2\nperiod = "total"')
    assert challenge(box).returncode == 0
    again(box)
    (tmp_path / "argv.txt").unlink()
    box.answer("challenge", STREAM, APPROVED, sleep_s=2)
    running = start(box)
    deadline = time.monotonic() + 20
    while not (reserved(box.root) and (tmp_path / "argv.txt").exists()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.kill()
    running.wait()
    assert len(reserved(box.root)) == 1
    time.sleep(3)  # the CLI lives on, and ends
    box.ok("status", "add-x")
    assert len(calls_of(box, "add-x")) == 2
    box.answer("challenge", STREAM, APPROVED)
    assert challenge(box).returncode == 0
    assert reserved(box.root) == []


def with_version(box: Sandbox, version: str) -> None:
    """Let the stand-in of claude tell its version."""
    script = box.root.parent / "claude"
    told = f'if [ "$1" = --version ]; then echo "{version} (Claude Code)"; exit; fi'
    script.write_text(script.read_text().replace("\n", f"\n{told}\n", 1))


SOURCES = '[pricing]\nsources = ["config", "reported", "catalog"]\n'


@pytest.mark.parametrize(
    ("version", "more", "given"),
    [
        ("2.1.330", "", "0.5"),
        ("2.0.44", "", None),
        ("2.1.330", OPUS.replace("1000", "1"), None),  # it would count by other prices
    ],
)
def test_claude_is_told_what_is_left(
    tmp_path: Path, version: str, more: str, given: str | None
) -> None:
    box = box_with(tmp_path, providers=("claude",))
    configure(box, f"{SOURCES}{more}[budget]\nlimit_usd = 2.0\n[budget.steps.challenge]\n"
              "limit_usd = 50\n")  # fmt: skip
    with_version(box, version)
    put_change(box, "add-x", "proposed")
    spend(box, "add-x", "1.5")
    box.answer("challenge", "claude/2.1.330/stream_json_partial", APPROVED)
    box.run("challenge", "add-x", "--model", "claude-opus-5-5")
    argv = (tmp_path / "argv.txt").read_text().splitlines()
    assert ("--max-budget-usd" in argv) is (given is not None)
    if given:
        assert float(argv[argv.index("--max-budget-usd") + 1]) == float(given)


def test_claude_that_ended_at_its_own_budget_was_stopped_by_it(tmp_path: Path) -> None:
    """Its ``usage`` reads 0 then; what it used stands in ``modelUsage``."""
    box = box_with(tmp_path, providers=("claude",))
    configure(box, f"{SOURCES}[budget]\nlimit_usd = 2.0\n")
    with_version(box, "2.1.330")
    put_change(box, "add-x", "proposed")
    box.answer("challenge", "claude/2.1.330/max_budget_json", exit=1)
    done = box.run("challenge", "add-x", "--model", "claude-opus-5-5")
    assert done.returncode == 3, done.stderr
    (call,) = state_of(box, "add-x")["telemetry"]["calls"]
    assert call["status"] == "budget_stopped"
    assert call["tokens_in"] == recording("claude/2.1.330/max_budget_json").total("input_tokens")


def test_a_damaged_reservation_is_named(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget.project]\nlimit_usd = 10")
    Path(make_state_folder(str(box.root)), "x.reserved").write_text("{}")
    done = challenge(box)
    assert done.returncode == 1, done.stderr
    assert "/x.reserved: is not what agentd wrote there" in done.stderr


def test_without_a_budget_nothing_is_kept(tmp_path: Path) -> None:
    box = box_of(tmp_path, "")
    assert warnings(challenge(box)) == []
    assert state_folder_of(str(box.root)) is None
    assert "budget_warned" not in state_of(box, "add-x")


def test_the_loop_stops_at_its_budget_and_goes_on_with_an_override(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget]\nlimit_usd = 1.00")
    done = challenge(box)
    assert done.returncode == 0
    stopped = box.run("run", "add-x")
    assert stopped.returncode == 3, stopped.stderr
    assert "is refused by its budget" in stopped.stderr
    box.answer("implementation", STREAM)
    box.run("run", "add-x", "--budget-override")
    last = state_of(box, "add-x")["telemetry"]["calls"][-1]
    assert (last["step"], last["budget"]) == ("implementation", "overridden")
