"""What is said about budgets after a call, and that it is said once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import yaml
from support.budget_box import APPROVED, again, box_of, challenge, configure, spend, start, warnings
from support.workflow_box import STREAM, calls_of, put_change, state_of


def test_each_threshold_is_told_once_over_processes_and_again_after_a_reset(
    tmp_path: Path,
) -> None:
    box = box_of(
        tmp_path,
        "[budget]\nlimit_usd = 10\nlimit_tokens = 100000\nwarn_at_percent = 10\n"
        "warn_at_dollars = 1.0\nwarn_at_tokens = 2000",
    )
    percent = "WARN  ⚠️  BUDGET WARNING: 10% threshold reached ($1.19 / $10.00)"
    dollars = "WARN  session cost $1.19 has crossed warn_at_dollars=$1.00"
    tokens = "WARN  session used 2,382 tokens and has crossed warn_at_tokens=2,000"
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


def test_each_of_several_percents_is_told_once_of_every_limit(tmp_path: Path) -> None:
    box = box_of(
        tmp_path,
        "[budget]\nlimit_usd = 4\nwarn_at_percent = [90, 20, 50]\n"
        "[budget.project]\nlimit_usd = 4\nperiod = 'total'\nwarn_at_percent = [59, 100]\n"
        "[budget.steps.challenge]\nlimit_usd = 4\nwarn_at_percent = [10, 80]\n"
        "[budget.providers.gemini]\nlimit_tokens = 4000\n",
    )
    of_step = " for step challenge in change add-x"
    of_gemini = " for provider gemini in change add-x"
    reached = "WARN  ⚠️  BUDGET WARNING: {}% threshold reached ({}){}"
    told = []
    for _ in range(3):
        told.append(warnings(challenge(box)))
        again(box)
    assert told == [
        [
            reached.format(20, "$1.19 / $4.00", ""),
            reached.format(10, "$1.19 / $4.00", of_step),
            reached.format(20, "1,191 / 4,000 tokens", of_gemini),
        ],
        [
            reached.format(50, "$2.38 / $4.00", ""),
            reached.format(50, "2,382 / 4,000 tokens", of_gemini),
            reached.format(59, "$2.38 / $4.00", " for the project"),
        ],
        [
            reached.format(80, "$3.57 / $4.00", of_step),
        ],
    ]
    assert {"percent@20@4", "percent@50@4", "steps.challenge.percent@80@4"} <= set(
        state_of(box, "add-x")["budget_warned"].split()
    )
    logged = json.loads(box.ok("log", "add-x", "--json"))["budget_warnings"]
    placed = sorted((one["account"], one["percent"]) for one in logged)
    assert [one for one in placed if one[0] != "project"] == [
        ("", 29.78),
        ("", 59.55),
        ("providers.gemini", 29.78),
        ("providers.gemini", 59.55),
        ("steps.challenge", 29.78),
        ("steps.challenge", 89.32),
    ]


def test_status_shows_what_is_spent_of_the_limits(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget]\nlimit_usd = 50\nlimit_tokens = 5000")
    assert (
        "Budget: $0.00 of $50.00 (0 %, $50.00 left), 0 of 5,000 tokens (0 %, 5,000 left)\n"
        in box.ok("status", "add-x")
    )
    challenge(box)
    used = "$1.19 of $50.00 (2 %, $48.81 left), 1,191 of 5,000 tokens (23 %, 3,809 left)"
    assert f"Budget: {used}\n" in box.ok("status", "add-x")
    assert json.loads(box.ok("status", "add-x", "--json"))["budget"] == {
        "limit_usd": 50.0,
        "limit_tokens": 5000,
        "spent_usd": 1.191,
        "spent_tokens": 1191,
        "left_usd": 48.809,
        "left_tokens": 3809,
        "percentage_used": 0.0238,
        "percentage_used_tokens": 0.2382,
    }
    box.ok("cost", "reset", "add-x")
    assert (
        "Budget: $0.00 of $50.00 (0 %, $50.00 left), 0 of 5,000 tokens (0 %, 5,000 left)\n"
        in box.ok("status", "add-x")
    )


def test_a_warning_is_shown_even_when_quiet(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget]\nwarn_at_dollars = 0.5")
    assert len(warnings(challenge(box, "--quiet"))) == 1


def test_many_processes_on_one_change_tell_a_warning_once(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    script = (
        "import sys; from agentd.ledger.store import StateStore; "
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
        "WARN  ⚠️  BUDGET WARNING: 50% threshold reached (1,191 / 1,000 tokens)",
        "ERROR Budget exceeded: $1.19 / $1.00",
        "ERROR Budget exceeded: 1,191 / 1,000 tokens",
        "WARN  ⚠️  BUDGET WARNING: 50% threshold reached ($1.19 / $1.10) for the project",
        "ERROR Budget exceeded: $1.19 / $1.10 for the project",
    ]
    again(box)
    refused = challenge(box).stderr
    for limit in ("budget.limit_usd", "budget.limit_tokens", "budget.project.limit_usd"):
        assert f"({limit})" in refused


def test_a_project_warning_is_told_once_whichever_change_reached_it(tmp_path: Path) -> None:
    box = box_of(tmp_path, "[budget.project]\nlimit_usd = 10\nwarn_at_percent = 10")
    put_change(box, "add-y", "proposed")
    first, second = warnings(challenge(box)), warnings(challenge(box, change="add-y"))
    assert [len(first), len(second)] == [1, 0]
    assert "for the project in 20" in first[0]


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
    assert [line.split("reached")[1] for line in first] == [
        " (1,191 / 1,200 tokens) for the project"
    ]
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
