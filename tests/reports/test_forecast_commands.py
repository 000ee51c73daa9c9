"""Forecasts on the command line: `cost --forecast`, and what plan and run say first."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from support.changes import change_at
from support.forecast_samples import call, put_ledger
from support.loop_box import WHOLE, sandbox
from support.workflow_box import box_with, put_change
from support.workspace import Sandbox

from agentd.ledger.store import StateStore
from agentd.metering.call import CallRecord
from agentd.reports.forecast.history import LATEST_ARCHIVED, LATEST_AT_WORK, latest


def old_change(day: int, *, cost: str | None = None, **more: Any) -> list[CallRecord]:
    """A proposal of so many dollars as ``day``, and a challenge of as many cents."""
    return [
        call("proposal", cost or str(day), day, **more),
        call("challenge", str(Decimal(cost or day) / 100), day, **more),
        call("implementation", "0", day, **more),
    ]


def archived(box: Sandbox, days: range, **more: Any) -> None:
    folder = box.root / "agentd/archive"
    for day in days:
        name = f"old-{day}"
        place = folder / f"202601{day:02}-{name}"
        put_ledger(place, name, old_change(day, **more), phase="archived")


def document(box: Sandbox, *arguments: str) -> Any:
    return json.loads(box.ok("cost", *arguments, "--forecast", "--json"), parse_float=Decimal)


def new_change(box: Sandbox, change_id: str = "add-x") -> None:
    StateStore(box.change(change_id)).create(change_id)


def test_json_has_the_exact_figures(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    archived(box, range(1, 10))
    new_change(box)
    found = document(box, "add-x")
    assert found["change_id"] == "add-x"
    coming = found["next"]
    assert (coming["step"], coming["provider"], coming["earlier_runs"]) == ("proposal", "gemini", 9)
    cost = coming["cost_usd"]
    assert (cost["low"], cost["middle"], cost["high"], cost["samples"]) == (1, 5, 9, 9)
    assert cost["alike_in"] == ["step", "provider"]
    # From the fourth on each was dearer than all before it.
    assert (cost["replay"]["replayed"], cost["replay"]["within"]) == (6, 0)
    assert coming["tokens"]["middle"] == 5010
    rest = found["rest"]["cost_usd"]
    assert (rest["low"], rest["middle"], rest["high"]) == (
        Decimal("1.01"),
        Decimal("5.05"),
        Decimal("9.09"),
    )
    assert found["rest"]["archived_changes"] == 9
    assert found["budget"] == []
    assert document(box, "add-x") == found


def test_budgets_are_told_how_long_they_last(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    archived(box, range(1, 10))
    new_change(box)
    now = datetime.now(UTC)
    for day in range(1, 9):
        noon = (now - timedelta(days=day)).replace(hour=12, minute=0, second=0, microsecond=0)
        put_ledger(
            box.root / f"agentd/archive/202602{day:02}-late-{day}",
            f"late-{day}",
            [call("fillback", "1", 40 + day, started_at=noon)],
            phase="archived",
        )
    config = box.root / "agentd/config.toml"
    config.write_text(
        f"{config.read_text()}\n[budget]\nlimit_usd = 6\n"
        "[budget.steps.proposal]\nlimit_usd = 20\nlimit_tokens = 100\n"
        "[budget.project]\nlimit_usd = 65.45\nperiod = 'total'\n"
    )
    accounts = {one["key"]: one["outlooks"] for one in document(box, "add-x")["budget"]}
    [of_change] = accounts["budget"]  # 9 changes from $1.01 to $9.09
    assert (of_change["samples"], of_change["enough"]) == (9, Decimal("9.09"))
    assert (of_change["lasts"], of_change["used_up_after_calls"]) == (Decimal("0.5556"), 1)
    usd, tokens = accounts["budget.steps.proposal"]
    assert (usd["unit"], usd["lasts"], usd["enough"]) == ("usd", 1, 9)
    assert (tokens["unit"], tokens["lasts"], tokens["used_up_after_calls"]) == ("tokens", 0, 1)
    # Of the project $45.45 and $8 are spent; the days before the last 90 don't count.
    [of_project] = accounts["budget.project"]
    assert (of_project["left"], of_project["source"]) == (12, "days")
    assert of_project["lasts"] > 0 or of_project["used_up_on"] > f"{now:%Y-%m-%d}"
    text = box.ok("cost", "add-x", "--forecast")
    assert (
        "  change add-x: $6.00 of $6.00 left; it lasts until the archive in 56 %, else it is used "
        "up after 1 call; $9.09 would do in 90 % of cases (if what is to come is like the same "
        "part of 9 archived changes)\n"
    ) in text
    assert "  step proposal in change add-x: 100 tokens of 100 tokens left; " in text
    assert "  the project: $12.00 of $65.45 left; " in text
    assert "(if each day to come is like one of the last 90 days)" in text


def test_without_history_budgets_tell_what_is_missing(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    archived(box, range(1, 3))
    new_change(box)
    config = box.root / "agentd/config.toml"
    config.write_text(f"{config.read_text()}\n[budget]\nlimit_usd = 6\n")
    told = (
        "  change add-x: $6.00 of $6.00 left; too little history to tell more: 2 archived changes"
    )
    assert f"{told}, it takes 9\n" in box.ok("cost", "add-x", "--forecast")


def test_text_has_a_range_and_its_error(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    archived(box, range(1, 10))
    new_change(box)
    text = box.ok("cost", "add-x", "--forecast")
    assert "add-x, next: proposal by gemini" in text
    assert "$1.000000 to $9.000000" in text
    assert "1,010 to 9,010 tokens" in text
    assert "9 finished runs of proposal, same provider; 80 % expected" in text
    assert "proposal, USD: 0 of 6 within range" in text
    assert "9 archived changes that went on from proposal; 80 % expected" in text


def test_no_history_and_too_little_are_said(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    new_change(box)
    assert document(box, "add-x")["next"]["cost_usd"] is None
    none = box.ok("cost", "add-x", "--forecast")
    assert "0 finished runs of proposal; it takes 3" in none
    archived(box, range(1, 3))
    text = box.ok("cost", "add-x", "--forecast")
    assert "no forecast yet" in text
    assert "2 finished runs of proposal" in text
    assert "2 archived changes that went on from proposal" in text


def test_failed_calls_alone_are_no_history(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    archived(box, range(1, 12), status="failed")
    new_change(box)
    found = document(box, "add-x")
    assert (found["next"]["earlier_runs"], found["next"]["tokens"]) == (0, None)


def test_runs_without_a_price_are_forecast_in_tokens(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    archived(box, range(1, 10), cost="0", cost_source="none")
    new_change(box)
    found = document(box, "add-x")
    assert (found["next"]["unpriced_runs"], found["next"]["cost_usd"]) == (9, None)
    assert found["next"]["tokens"]["samples"] == 9
    text = box.ok("cost", "add-x", "--forecast")
    assert "no forecast in USD" in text
    assert "$" not in text


def test_a_switched_provider_has_its_own_history_or_that_of_the_step(tmp_path: Path) -> None:
    box = box_with(tmp_path, providers=("codex", "gemini"))
    archived(box, range(1, 10), cost="1")
    archived(box, range(10, 13), cost="3", provider="codex")
    new_change(box)
    config = box.root / "agentd/config.toml"
    own = document(box, "add-x")["next"]
    assert (own["provider"], own["cost_usd"]["high"]) == ("gemini", 1)
    config.write_text(config.read_text() + '[steps.proposal]\nprovider = "codex"\n')
    switched = document(box, "add-x")
    assert switched["next"]["cost_usd"]["low"] == switched["next"]["cost_usd"]["high"] == 3
    # Its part of the rest triples, the challenges' too: the config's usual provider is codex.
    assert switched["rest"]["cost_usd"]["low"] == Decimal("3.03")
    config.write_text(config.read_text().replace('= "codex"\n', '= "claude"\n') + "[claude]\n")
    unknown = document(box, "add-x")["next"]["cost_usd"]
    assert (unknown["samples"], unknown["alike_in"]) == (12, ["step"])


def test_prompt_sizes_are_used_while_the_prompts_are_there(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    archived(box, range(1, 28))
    put_change(box, "add-x", "proposed")
    StateStore(box.change("add-x")).update(last_action="proposal")
    size = document(box, "add-x")["next"]["prompt_bytes"]
    assert size > 1000
    for day in range(1, 28):
        (place,) = (box.root / "agentd/archive").glob(f"*-old-{day}")
        run = place / "runs" / call("challenge", "1", day).id
        run.mkdir(parents=True)
        (run / "prompt").write_text("x" * (size if day % 3 == 0 else 3 * size))
    found = document(box, "add-x")["next"]
    assert found["step"] == "challenge"
    cost = found["cost_usd"]
    assert cost["alike_in"] == ["step", "provider", "prompt size"]
    assert (cost["samples"], cost["low"], cost["high"]) == (9, Decimal("0.03"), Decimal("0.27"))


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        ("limit_usd = 0.5", "$0.500000 is left of the budget of change add-x, probably too little"),
        ("limit_usd = 5", "$5.000000 is left of the budget of change add-x, perhaps too little"),
        ("limit_usd = 50", "$50.000000 is left of the budget of change add-x."),
        (
            'project = {limit_usd = 50, period = "total"}',
            "$4.550000 is left of the budget of the project, perhaps too little",
        ),
        ("limit_tokens = 99", "99 tokens are left of the budget of change add-x, probably too"),
    ],
)
def test_what_is_left_of_the_budget_is_compared(tmp_path: Path, limit: str, told: str) -> None:
    box = box_with(tmp_path)
    archived(box, range(1, 10))
    new_change(box)
    config = box.root / "agentd/config.toml"
    config.write_text(f"{config.read_text()}\n[budget]\n{limit}\n")
    assert told in box.ok("cost", "add-x", "--forecast")
    assert document(box, "add-x")["budget"][0]["key"].startswith("budget")


def test_the_budget_of_a_step_is_compared_with_the_next_step(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    archived(box, range(1, 10))
    new_change(box)
    config = box.root / "agentd/config.toml"
    limits = "[budget.steps.proposal]\nlimit_usd = 9.05\n[budget]\nlimit_usd = 9.08\n"
    config.write_text(f"{config.read_text()}\n{limits}")
    text = box.ok("cost", "add-x", "--forecast")
    assert "$9.050000 is left of the budget of step proposal in change add-x." in text
    config.write_text(config.read_text().replace("9.05", "9.09"))
    text = box.ok("cost", "add-x", "--forecast")
    assert "$9.080000 is left of the budget of change add-x, perhaps too little." in text


def test_an_archived_change_has_no_forecast(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    archived(box, range(1, 3))
    assert box.ok("cost", "old-1", "--forecast") == "old-1: no step is left to forecast.\n"
    assert document(box, "old-1") == {
        "version": "1",
        "change_id": "old-1",
        "next": None,
        "rest": None,
        "budget": [],
    }


def test_a_broken_ledger_is_left_out_and_named(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    archived(box, range(1, 10))
    (broken,) = (box.root / "agentd/archive").glob("*-old-3")
    (broken / "STATE.yaml").write_text("telemetry: [")
    new_change(box)
    done = box.run("cost", "add-x", "--forecast", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["next"]["earlier_runs"]) == (1, 8)
    assert ["old-3" in problem for problem in found["problems"]] == [True]
    shown = box.run("cost", "add-x", "--forecast")
    assert shown.returncode == 1
    assert "old-3" in shown.stderr
    assert "proposal" in shown.stdout
    run = box.run("plan", "add-x", "Let users log in")
    assert run.returncode == 0, run.stderr
    assert "forecast without " in run.stderr
    assert "old-3" in run.stderr
    assert "forecast: probably" in run.stderr


def test_a_folder_without_a_ledger_has_no_history(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    archived(box, range(1, 10))
    new_change(box)
    (box.root / "agentd/changes/by-hand").mkdir()
    assert document(box, "add-x")["next"]["earlier_runs"] == 9


def test_run_and_plan_say_it_first(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    first = box.run("plan", "add-w", "Let users log in")
    assert first.returncode == 0, first.stderr
    assert "forecast" not in first.stderr  # nothing to tell it from
    archived(box, range(1, 10))
    told = box.run("plan", "add-x", "Let users log in")
    assert told.returncode == 0, told.stderr
    first_line = told.stderr.splitlines()[0]
    assert first_line.startswith(
        "forecast: probably proposal $1.000000 to $9.000000 (80 %), "
        "all to come $1.010000 to $9.090000 (80 %)"
    )
    assert told.stderr.splitlines()[1].startswith(
        "  replayed on history: proposal 0 of 6 within range (4 expected), middle off by "
    )
    assert told.stderr.index("forecast") < told.stderr.index("proposal: gemini")
    again = box.run("plan", "add-x")
    assert "forecast" not in again.stderr  # nothing of plan is left
    on = box.run("run", "add-x")
    assert on.returncode == 0, on.stderr
    assert on.stderr.splitlines()[0].startswith("forecast: probably implementation ")
    quiet = box.run("run", "--quiet", "add-y", "Let users log in")
    assert "forecast" not in quiet.stderr


def test_a_finished_change_is_what_the_forecast_was_about(tmp_path: Path) -> None:
    box = sandbox(tmp_path, ("codex",))
    for number in range(3):
        box.ok("run", f"add-{number}", "Let users log in")
        for path in ("agentd/specs/login.md", "login.py"):
            (box.root / path).unlink()
    new_change(box)
    found = document(box, "add-x")
    cost = found["rest"]["cost_usd"]
    assert cost["replay"] is None
    assert "all to come, USD: too little history" in box.ok("cost", "add-x", "--forecast")
    # Ten calls that each cost the same, in every change.
    assert cost["low"] == cost["middle"] == cost["high"]
    assert cost["middle"] == len(WHOLE) * found["next"]["cost_usd"]["middle"]


def test_a_forecast_changes_no_file(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    archived(box, range(1, 10))
    put_change(box, "add-x", "proposed", {"CHALLENGE.md": "# C\n\n## Verdict\n- [x] APPROVED\n"})
    StateStore(box.change("add-x")).update(last_action="challenge")
    before = {path: path.read_bytes() for path in box.root.rglob("*") if path.is_file()}
    assert document(box, "add-x")["next"]["step"] == "implementation"
    assert {path: path.read_bytes() for path in box.root.rglob("*") if path.is_file()} == before


def test_only_the_latest_changes_are_history(tmp_path: Path) -> None:
    every = []
    for number in range(LATEST_ARCHIVED + 5):
        every.append(change_at(tmp_path / f"a{number}", archived_on="20260101"))
    for number in range(LATEST_AT_WORK + 5):
        every.append(change_at(tmp_path / f"c{number}"))
    for ledger in every:
        StateStore(ledger.folder).create(ledger.id)
    StateStore(tmp_path / "c0").update(phase="challenged")
    found = [ledger.id for ledger in latest(every)]
    assert found[:LATEST_ARCHIVED] == [f"a{number + 5}" for number in range(LATEST_ARCHIVED)]
    assert len(found) == LATEST_ARCHIVED + LATEST_AT_WORK
    assert found[-1] == "c0"
