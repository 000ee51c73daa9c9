"""Budgets over the command line: before a call, while it runs, after it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from recordings import recording
from workflow_box import STREAM, box_with, calls_of, put_change, state_of
from workspace import Sandbox

APPROVED = {"change/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"}
# 1191 tokens, $1.191 at these prices.
PRICED = """
[pricing.models."gemini-2.5-pro"]
cost_per_1m_input = 1000
cost_per_1m_output = 1000
"""
COST = "1.191"
TURNS = f"{sys.executable} {Path(__file__).parent}/standins/turns.py"


def box_of(folder: Path, budget: str, *, prices: str = PRICED) -> Sandbox:
    """A change to challenge by a gemini that uses 1191 tokens, with these limits."""
    box = box_with(folder)
    configure(box, f"{prices}{budget}\n")
    box.answer("challenge", STREAM, APPROVED)
    put_change(box, "add-x", "proposed")
    return box


def configure(box: Sandbox, more: str) -> None:
    config = box.root / "agentd/config.toml"
    config.write_text(f"{config.read_text()}\n{more}")


def challenge(
    box: Sandbox, *options: str, change: str = "add-x", **environment: str
) -> subprocess.CompletedProcess[str]:
    return box.run("challenge", change, "--model", "gemini-2.5-pro", *options, **environment)


def start(box: Sandbox) -> subprocess.Popen[bytes]:
    """The same in the background."""
    return subprocess.Popen(
        [sys.executable, "-m", "agentd", "challenge", "add-x", "--model", "gemini-2.5-pro"],
        cwd=box.root,
        env={**os.environ, "HOME": str(box.root.parent)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def again(box: Sandbox) -> None:
    """Let the change be challenged once more."""
    path = box.change("add-x") / "STATE.yaml"
    path.write_text(path.read_text().replace("phase: challenged", "phase: proposed"))


def spend(box: Sandbox, change: str, *costs: str, started: str = "2026-11-20T10:00:00Z") -> None:
    """Calls as agentd enters them."""
    from datetime import datetime
    from decimal import Decimal

    from agentd.metering.call import CallRecord
    from agentd.metering.usage import ModelUsage
    from agentd.state.store import StateStore

    store = StateStore(box.change(change))
    for number, cost in enumerate(costs):
        store.append(
            CallRecord(
                id=f"20261120T100000-proposal-{number:08x}",
                step="proposal",
                provider="gemini",
                model="gemini-2.5-pro",
                status="ok",
                usage=ModelUsage(input_tokens=100, output_tokens=10),
                cost_usd=Decimal(cost),
                cost_source="config",
                accuracy="exact",
                usage_source="stdout",
                duration_ms=1,
                started_at=datetime.fromisoformat(started),
            )
        )


def warnings(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What was said about budgets, without the time of day."""
    return [line[11:] for line in done.stderr.splitlines() if line[11:16] in ("WARN ", "ERROR")]


def test_a_call_that_must_cost_more_than_is_left_is_not_made(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget]\nlimit_usd = 2.00")
    spend(box, "add-x", "1.9999")
    done = challenge(box)
    assert done.returncode == 3
    assert "step challenge of change add-x is refused by its budget" in done.stderr
    assert "has spent $1.9999 of $2.0000; $0.0001 is left" in done.stderr
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


def in_turns(box: Sandbox, provider: str, path: str, pause_after: Sequence[str]) -> None:
    """Let this CLI print a recording, and wait where a line holds one of these texts."""
    (box.root.parent / "turns.json").write_text(
        json.dumps({"stdout": str(recording(path).folder / "stdout"), "pause_after": pause_after})
    )
    config = box.root / "agentd/config.toml"
    script = box.root.parent / f"{provider}-in-turns"
    script.write_text(f"#!/bin/sh\nexec {TURNS}\n")
    script.chmod(0o755)
    text = config.read_text()
    old = str(box.root.parent / provider)
    config.write_text(text.replace(f'"{old}"', f'"{script}"'))


# The first message of the recording: 1121 tokens in, 7 out; the second 2237 and 13.
OPUS = """
[pricing.models."claude-opus-5-5"]
cost_per_1m_input = 1000
cost_per_1m_output = 1000
"""


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
    assert "$1.1200 is left, $1.1280 needed (budget.limit_usd)" in done.stderr
    assert not (tmp_path / "went-on").exists()
    (call,) = state_of(box, "add-x")["telemetry"]["calls"]
    assert call["status"] == "budget_stopped"
    assert (call["tokens_in"], call["tokens_out"], call["cost_usd"]) == (1121, 7, 1.128)
    assert state_of(box, "add-x")["phase"] == "proposed"


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


def test_each_threshold_is_told_once_over_processes_and_again_after_a_reset(
    tmp_path: Path,
) -> None:
    box = box_of(
        tmp_path,
        "[budget]\nlimit_usd = 10\nlimit_tokens = 100000\nwarn_at_percent = 10\n"
        "warn_at_dollars = 1.0\nwarn_at_tokens = 2000",
    )
    percent = "WARN  ⚠️  BUDGET WARNING: 10% threshold reached ($1.19 / $10.00)"
    dollars = "WARN  session cost $1.191000 has crossed warn_at_dollars=$1.000000"
    tokens = "WARN  session used 2382 tokens and has crossed warn_at_tokens=2000"
    told = []
    for _ in range(3):
        told.append(warnings(challenge(box)))
        again(box)
    assert told == [[percent, dollars], [tokens], []]
    assert sorted(state_of(box, "add-x")["budget_warned"].split()) == [
        "dollars@1",
        "percent@10@10",
        "tokens@2000",
    ]
    box.ok("cost", "reset", "add-x")
    assert warnings(challenge(box)) == [percent, dollars]
    again(box)
    assert warnings(challenge(box)) == [tokens]
    assert len(calls_of(box, "add-x")) == 5


def test_status_shows_what_is_spent_of_the_limits(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget]\nlimit_usd = 50\nlimit_tokens = 5000")
    assert "Budget: $0.0000 of $50.0000, 0 of 5000 tokens\n" in box.ok("status", "add-x")
    challenge(box)
    assert "Budget: $1.1910 of $50.0000, 1191 of 5000 tokens\n" in box.ok("status", "add-x")
    assert json.loads(box.ok("status", "add-x", "--json"))["budget"] == {
        "limit_usd": 50.0,
        "limit_tokens": 5000,
        "spent_usd": 1.191,
        "spent_tokens": 1191,
    }
    box.ok("cost", "reset", "add-x")
    assert "Budget: $0.0000 of $50.0000, 0 of 5000 tokens\n" in box.ok("status", "add-x")


def test_a_warning_is_shown_even_when_quiet(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget]\nwarn_at_dollars = 0.5")
    assert len(warnings(challenge(box, "--quiet"))) == 1


def test_many_processes_on_one_change_tell_a_warning_once(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    script = (
        "import sys; from agentd.state.store import StateStore; "
        "print(*StateStore(sys.argv[1]).warn(['percent', 'dollars', 'tokens']))"
    )
    box = box_of(tmp_path, "")

    def told(_: int) -> str:
        ran = subprocess.run(
            [sys.executable, "-c", script, str(box.change("add-x"))],
            capture_output=True,
            text=True,
            check=True,
        )
        return ran.stdout

    with ThreadPoolExecutor(8) as pool:
        names = [name for text in pool.map(told, range(16)) for name in text.split()]
    assert sorted(names) == ["dollars", "percent", "tokens"]


def test_two_limits_never_hide_one_another(tmp_path: Path) -> None:
    box = box_of(
        tmp_path,
        "[budget]\nlimit_usd = 1.00\nlimit_tokens = 1000\nwarn_at_percent = 50\n"
        "[budget.project]\nlimit_usd = 1.1\nperiod = 'total'",
    )
    done = challenge(box)
    assert warnings(done) == [
        "WARN  ⚠️  BUDGET WARNING: 50% threshold reached ($1.19 / $1.00)",
        "WARN  ⚠️  BUDGET WARNING: 50% threshold reached (1191 / 1000 tokens)",
        "ERROR Budget exceeded: $1.19 / $1.00",
        "ERROR Budget exceeded: 1191 / 1000 tokens",
        "WARN  ⚠️  BUDGET WARNING: 50% threshold reached ($1.19 / $1.10) for the project",
        "ERROR Budget exceeded: $1.19 / $1.10 for the project",
    ]
    again(box)
    refused = challenge(box).stderr
    for limit in ("budget.limit_usd", "budget.limit_tokens", "budget.project.limit_usd"):
        assert f"({limit})" in refused


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
    assert f"the project in {now[:7]} has spent $99.9990 of $100.0000" in done.stderr


def test_a_project_warning_is_told_once_whichever_change_reached_it(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget.project]\nlimit_usd = 10\nwarn_at_percent = 10")
    put_change(box, "add-y", "proposed")
    first, second = warnings(challenge(box)), warnings(challenge(box, change="add-y"))
    assert [len(first), len(second)] == [1, 0]
    assert "for the project in 20" in first[0]


def test_what_a_running_call_has_reserved_can_not_be_spent_by_another(tmp_path: Path) -> None:
    """Two changes at once: what a challenge has usually cost is set aside for the first."""
    box = box_of(tmp_path, '[budget.project]\nlimit_usd = 3.2\nperiod = "total"')
    put_change(box, "add-y", "proposed")
    assert challenge(box).returncode == 0  # $1.191 spent, and that is what a challenge costs
    again(box)
    configure(box, "[pricing.models.dear]\ncost_per_1m_input = 5000\ncost_per_1m_output = 1\n")
    box.answer("challenge", STREAM, APPROVED, sleep_s=6)
    running = start(box)
    held = box.root / "agentd/.running"
    deadline = time.monotonic() + 20
    while not list(held.glob("*.json")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    done = box.run("challenge", "add-y", "--model", "dear")
    assert done.returncode == 3, done.stderr
    assert "$1.1910 reserved by running calls; $0.8180 is left" in done.stderr
    assert running.wait(30) == 0
    assert list(held.glob("*.json")) == []
    assert (held / ".gitignore").read_text() == "*\n"


def test_a_reservation_of_a_killed_agentd_counts_until_its_call_is_entered(tmp_path: Path) -> None:
    box = box_of(tmp_path, '[budget.project]\nlimit_usd = 3.2\nperiod = "total"')
    assert challenge(box).returncode == 0
    again(box)
    (tmp_path / "argv.txt").unlink()
    box.answer("challenge", STREAM, APPROVED, sleep_s=2)
    running = start(box)
    held = box.root / "agentd/.running"
    deadline = time.monotonic() + 20
    while not (list(held.glob("*.json")) and (tmp_path / "argv.txt").exists()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.kill()
    running.wait()
    assert len(list(held.glob("*.json"))) == 1
    time.sleep(3)  # the CLI lives on, and ends
    box.ok("status", "add-x")
    assert len(calls_of(box, "add-x")) == 2
    box.answer("challenge", STREAM, APPROVED)
    assert challenge(box).returncode == 0
    assert list(held.glob("*.json")) == []


@pytest.mark.parametrize(("setting", "code"), [("warn", 0), ("stop", 3)])
def test_a_model_without_a_price_under_a_limit_in_dollars(
    tmp_path: Path, setting: str, code: int
) -> None:
    box = box_of(tmp_path, f'[budget]\nlimit_usd = 5\non_unpriced = "{setting}"', prices="")
    done = challenge(box)
    assert done.returncode == code, done.stderr
    if code:
        assert "no price is known for what gemini-2.5-pro answers" in done.stderr
        assert not (tmp_path / "argv.txt").exists()
    else:
        (said,) = warnings(done)
        assert said.startswith("WARN  no price is known for gemini-2.5-pro")
        again(box)
        assert warnings(challenge(box)) == []


def test_a_local_model_needs_no_price(tmp_path: Path) -> None:
    budget = '[budget]\nlimit_usd = 5\non_unpriced = "stop"'
    box = box_with(tmp_path, providers=("codex",))
    configure(box, budget)
    put_change(box, "add-x", "proposed")
    box.answer("challenge", "codex/0.169.0/model_json", APPROVED)
    done = box.run("challenge", "add-x", "--model", "gpt-oss:20b")
    assert done.returncode == 0, done.stderr
    assert warnings(done) == []
    assert box.run("challenge", "add-x", "--model", "gpt-oss-20b").returncode != 0


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


def test_a_model_without_a_price_that_the_cli_chose_itself_ends_the_run(tmp_path: Path) -> None:
    """Nobody named it, so it shows only in the answer; the next call is not made."""
    box = box_of(tmp_path, '[budget]\nlimit_usd = 5\non_unpriced = "stop"', prices="")
    done = box.run("challenge", "add-x")
    assert done.returncode == 3, done.stderr
    assert "answered by gemini-2.5-pro, for which no price is known" in done.stderr
    assert calls_of(box, "add-x") == [("challenge", "ok")]
    again(box)
    (tmp_path / "argv.txt").unlink()
    assert box.run("challenge", "add-x").returncode == 3
    assert not (tmp_path / "argv.txt").exists()


def test_what_a_call_may_not_touch_is_told_before_its_missing_price(tmp_path: Path) -> None:
    box = box_of(tmp_path, '[budget]\nlimit_usd = 5\non_unpriced = "stop"', prices="")
    box.answer("challenge", STREAM, {**APPROVED, "stray.py": "x = 1\n"})
    done = box.run("challenge", "add-x")
    assert done.returncode == 4, done.stderr
    assert "may not touch: stray.py" in done.stderr


def test_an_unpriced_call_without_its_document_ends_the_run_too(tmp_path: Path) -> None:
    box = box_of(tmp_path, '[budget]\nlimit_usd = 5\non_unpriced = "stop"', prices="")
    box.answer("challenge", STREAM)
    assert box.run("challenge", "add-x").returncode == 3


@pytest.mark.parametrize(("limit", "spent"), [("0", ()), ("2.00", ("2.00",))])
def test_where_nothing_is_left_nothing_begins_whatever_its_price(
    tmp_path: Path, limit: str, spent: tuple[str, ...]
) -> None:
    box = box_of(tmp_path, f"[budget]\nlimit_usd = {limit}", prices="")
    spend(box, "add-x", *spent)
    done = box.run("challenge", "add-x")  # no model is configured
    assert done.returncode == 3, done.stderr
    assert "nothing is left (budget.limit_usd)" in done.stderr
    assert not (tmp_path / "argv.txt").exists()


def test_without_a_model_the_last_one_that_answered_is_taken(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget]\nlimit_usd = 2.0001")
    spend(box, "add-x", "2.0")
    done = box.run("challenge", "add-x")
    assert done.returncode == 3, done.stderr
    assert "$0.0001 is left" in done.stderr


def test_a_raised_limit_is_spoken_of_anew(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget]\nlimit_usd = 1.0")
    assert len(warnings(challenge(box))) == 2
    again(box)
    config = box.root / "agentd/config.toml"
    config.write_text(config.read_text().replace("limit_usd = 1.0", "limit_usd = 2.0"))
    assert warnings(challenge(box)) == [
        "WARN  ⚠️  BUDGET WARNING: 90% threshold reached ($2.38 / $2.00)",
        "ERROR Budget exceeded: $2.38 / $2.00",
    ]


def test_dollars_and_tokens_of_the_project_are_told_apart(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget.project]\nlimit_usd = 2\nlimit_tokens = 1200\nperiod = 'total'")
    first = warnings(challenge(box))
    assert [line.split("reached")[1] for line in first] == [" (1191 / 1200 tokens) for the project"]
    again(box)
    second = warnings(challenge(box, "--budget-override"))
    assert [line.partition(" ")[0] for line in second] == ["WARN", "ERROR", "ERROR"]
    assert "$2.38 / $2.00" in second[0]


def test_a_reset_leaves_the_projects_warnings_given(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget.project]\nlimit_usd = 10\nwarn_at_percent = 10")
    assert len(warnings(challenge(box))) == 1
    box.ok("cost", "reset", "add-x")
    again(box)
    assert warnings(challenge(box)) == []


def test_a_call_that_is_entered_later_is_warned_of(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget]\nwarn_at_dollars = 1")
    box.answer("challenge", STREAM, APPROVED, sleep_s=2)
    running = start(box)
    deadline = time.monotonic() + 20
    while not (tmp_path / "argv.txt").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    running.kill()
    running.wait()
    time.sleep(3)
    assert len(warnings(challenge(box))) == 1


def test_a_damaged_reservation_is_named(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget.project]\nlimit_usd = 10")
    (box.root / "agentd/.running").mkdir()
    (box.root / "agentd/.running/x.json").write_text("{}")
    done = challenge(box)
    assert done.returncode == 1, done.stderr
    assert "agentd/.running/x.json: is not what agentd wrote there" in done.stderr


def test_without_a_budget_nothing_is_kept(tmp_path: Path) -> None:
    box = box_of(tmp_path, "")
    assert warnings(challenge(box)) == []
    assert not (box.root / "agentd/.running").exists()
    assert "budget_warned" not in state_of(box, "add-x")


def test_the_loop_stops_at_its_budget_and_goes_on_with_an_override(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget]\nlimit_usd = 1.00")
    done = challenge(box)
    assert done.returncode == 0
    stopped: Any = box.run("run", "add-x")
    assert stopped.returncode == 3, stopped.stderr
    assert "is refused by its budget" in stopped.stderr


def test_the_demonstration(tmp_path: Path) -> None:
    """84 calls of $0.53 against $50.00 are 89.04 %; the 85th of $0.60 passes 90 %, and no more."""
    box = box_of(tmp_path, "[budget]\nlimit_usd = 50.00", prices="")
    spend(box, "add-x", *["0.53"] * 84)
    configure(
        box,
        '[pricing.models."gemini-2.5-pro"]\ncost_per_1m_input = 0\ncost_per_1m_output = 7500\n',
    )
    done = challenge(box)
    assert done.returncode == 0, done.stderr
    assert warnings(done) == ["WARN  ⚠️  BUDGET WARNING: 90% threshold reached ($45.12 / $50.00)"]
    again(box)
    configure(box, "")
    telemetry = yaml.safe_load((box.change("add-x") / "STATE.yaml").read_text())["telemetry"]
    assert len(telemetry["calls"]) == 85
    assert round(telemetry["total_cost_usd"], 6) == 45.12
    assert warnings(challenge(box)) == []
