"""``agentd cost``: the command line, on real projects."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from support.cost_box import CONFIG, add, call
from support.workspace import Sandbox, make_sandbox

from agentd.cli import cost
from agentd.ledger.store import StateStore
from agentd.metering.usage import ModelUsage
from agentd.reports import dimensions
from agentd.reports.formats import FORMATS


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    """Two changes: an archived one with a call, and a later one with five."""
    box = make_sandbox(tmp_path, CONFIG)
    add(box, "old", call(0, cost_usd=Decimal("0.5"), step="proposal"), archived=True)
    free = {"cost_usd": Decimal(0), "cost_source": "none"}
    add(
        box,
        "new",
        call(1, started_at=datetime(2026, 11, 24, 4, 59, tzinfo=UTC)),
        call(2, started_at=datetime(2026, 11, 24, 5, 0, tzinfo=UTC), status="failed"),
        call(3, model="ollama/mine", **free),
        call(4, model="gpt-99", step="resolve", **free),
        call(5, step="resolve", cost_usd=Decimal("0.000000000000000000000000000001")),
    )
    return box


def test_the_help_names_what_there_is() -> None:
    assert cost.DIMENSIONS == dimensions.DIMENSIONS
    assert tuple(FORMATS) == get_args(cost.Format)


def test_one_line(box: Sandbox) -> None:
    line = (
        "5 calls, prompt=500 / completion=50 tokens, cost=$0.020000, 1 local, "
        "1 unpriced (no price is known: see [pricing.models]), 1 failed\n"
    )
    assert box.ok("cost", "new") == line
    assert box.run("cost", "new").stderr == ""
    latest = box.run("cost")
    assert (latest.stdout, latest.stderr) == (line, "change new:\n")
    assert box.ok("cost", "old") == "1 call, prompt=100 / completion=10 tokens, cost=$0.500000\n"
    assert box.ok("cost", "--all").startswith("6 calls, prompt=600 / completion=60 tokens, ")


def test_numbers_for_people_have_separators(box: Sandbox) -> None:
    usage = ModelUsage(input_tokens=12_450, output_tokens=3_210)
    add(box, "much", call(20, usage=usage, cost_usd=Decimal("1234.5")))
    line = "1 call, prompt=12,450 / completion=3,210 tokens, cost=$1,234.500000\n"
    assert box.ok("cost", "much") == line
    for shape in ("json", "csv"):
        assert "12450" in box.ok("cost", "much", "--format", shape)


def test_partial_calls_make_the_sum_a_least(box: Sandbox) -> None:
    why = "answer cut after 348 tokens"
    add(box, "cut", call(11), call(12, accuracy="heuristic", why=why, step="resolve"))
    assert box.ok("cost", "cut") == (
        "2 calls, prompt=200 / completion=20 tokens, cost=$0.020000\n"
        "at least $0.0200: 1 call is partial (answer cut after 348 tokens)\n"
    )
    table = box.ok("cost", "cut", "--by", "step")
    assert [line.endswith("  at least") for line in table.splitlines()[3:6]] == [True, False, True]
    said = "at least $0.5400: 1 call is partial (answer cut after 348 tokens)"
    for shape in ("table", "markdown"):
        for _ in range(2):  # the second time from what was kept
            assert said in box.ok("cost", "--all", "--format", shape, "--by", "step")
    assert "at least **$" in box.ok("cost", "cut", "--format", "markdown")


def test_detail_by_cost_model_and_step(box: Sandbox) -> None:
    lines = box.ok("cost", "new", "--detail").splitlines()
    rows = [line.split()[:2] for line in lines if line.startswith(("gemini", "gpt", "ollama"))]
    assert rows == [
        ["gemini-3-flash-preview", "review"],
        ["gemini-3-flash-preview", "resolve"],
        ["gpt-99", "resolve"],
        ["ollama/mine", "review"],
    ]
    [local] = [line for line in lines if line.startswith("ollama/mine")]
    assert "(local)" in local
    assert "$" not in local
    assert box.ok("cost", "new", "--by", "model,step") == "\n".join(lines) + "\n"


def test_by_several(box: Sandbox) -> None:
    both = box.ok("cost", "--all", "--by", "change", "--by", "step", "--json")
    assert both == box.ok("cost", "--all", "--by", "change, step", "--format", "json")
    found = json.loads(both)["groups"]
    assert [(group["change"], group["step"]) for group in found] == [
        ("old", "proposal"),
        ("new", "review"),
        ("new", "resolve"),
    ]


def test_amounts_are_exact(box: Sandbox) -> None:
    document = json.loads(box.ok("cost", "--all", "--json"), parse_float=Decimal)
    exact = Decimal("0.520000000000000000000000000001")
    assert document["total"]["cost_usd"] == exact
    grouped = json.loads(box.ok("cost", "--all", "--by", "day", "--json"), parse_float=Decimal)
    with localcontext(prec=100):
        assert sum(group["cost_usd"] for group in grouped["groups"]) == exact


def days(box: Sandbox, *arguments: str) -> list[tuple[str, int]]:
    document = json.loads(box.ok("cost", "--all", "--by", "day", "--json", *arguments))
    return [(group["day"], group["calls"]) for group in document["groups"]]


def test_days_of_the_config_and_of_the_option(box: Sandbox) -> None:
    assert days(box) == [("2026-11-22", 4), ("2026-11-23", 1), ("2026-11-24", 1)]
    assert days(box, "--timezone", "UTC") == [("2026-11-22", 4), ("2026-11-24", 2)]


def test_since_and_until(box: Sandbox) -> None:
    assert days(box, "--since", "2026-11-23") == [("2026-11-23", 1), ("2026-11-24", 1)]
    assert days(box, "--until", "2026-11-23") == [("2026-11-22", 4), ("2026-11-23", 1)]
    assert days(box, "--since", "2026-11-24", "--until", "2026-11-24") == [("2026-11-24", 1)]
    assert days(box, "--since", "2026-11-24T05:00Z", "--timezone", "UTC") == [("2026-11-24", 1)]
    assert days(box, "--since", "2026-11-24T00:01") == []


def test_calls_without_a_time(box: Sandbox) -> None:
    add(box, "older", call(9, started_at=None))
    assert box.run("cost", "older").stderr == ""
    done = box.run("cost", "older", "--since", "2020-01-01")
    assert done.stdout.startswith("0 calls, ")
    assert done.stderr == "1 call has no time in the ledger, so --since and --until leave it out.\n"
    assert ("unknown", 1) in days(box)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--by", "colour"], "Expected some of step, model, provider"),
        (["--by", "step,"], "--by '' is unknown"),
        (["--format", "xml"], "'xml' is not one of 'table', 'json', 'csv', 'markdown'"),
        (["--detail", "--by", "step"], "exclude each other"),
        (["--all", "new"], "exclude each other"),
        (["--since", "soon"], "--since 'soon' is no day or time"),
        (["--until", "2026-02-30"], "--until '2026-02-30' is no day or time"),
        (["--since", "2026-11-25", "--until", "2026-11-24"], "is not before"),
        (["--timezone", "Mars/Olympus"], "such as Europe/Berlin"),
        (["--timezone", "Europe"], "such as Europe/Berlin"),
        (["--timezone", "../etc/passwd"], "such as Europe/Berlin"),
        (["--timezone", ""], "such as Europe/Berlin"),
        (["--forecast", "--all"], "--forecast"),
        (["--forecast", "--format", "csv"], "--forecast"),
        (["--wat"], "--wat"),
        (["reset"], "ID"),
    ],
)
def test_wrong_usage(box: Sandbox, arguments: list[str], said: str) -> None:
    done = box.run("cost", *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr


def test_errors_as_json(box: Sandbox) -> None:
    usage = box.run("cost", "--by", "x", "--json")
    assert (usage.returncode, json.loads(usage.stdout)["error"]["code"]) == (2, "usage")
    two = box.run("cost", "--format", "csv", "--json")
    assert (two.returncode, json.loads(two.stdout)["error"]["code"]) == (2, "usage")
    missing = box.run("cost", "nowhere", "--json")
    assert (missing.returncode, json.loads(missing.stdout)["error"]["code"]) == (1, "input")
    (box.change("new") / "STATE.yaml").write_text("telemetry: [")
    broken = box.run("cost", "new", "--json")
    error = json.loads(broken.stdout)["error"]
    assert (broken.returncode, error["code"]) == (1, "state")
    assert "new/STATE.yaml" in error["message"]


@pytest.mark.parametrize("more", [[], ["--by", "model"], ["--since", "2020-01-01"]])
def test_a_broken_ledger_does_not_hide_the_others(box: Sandbox, more: list[str]) -> None:
    (box.change("broken")).mkdir(exist_ok=True)
    every = json.loads(box.ok("cost", "--all", "--json", *more))
    assert every["total"]["calls"] > 0
    assert "problems" not in every
    (box.change("broken") / "STATE.yaml").write_text("telemetry: [")
    done = box.run("cost", "--all", "--json", *more)
    rest = json.loads(done.stdout)
    assert (done.returncode, rest["total"]) == (1, every["total"])
    assert ["broken/STATE.yaml" in problem for problem in rest["problems"]] == [True]
    for _ in range(2):  # no cache hides it
        shown = box.run("cost", "--all", *more)
        assert shown.returncode == 1
        assert shown.stderr.count("broken/STATE.yaml: line") == 1
        assert "$" in shown.stdout


def test_a_project_without_changes(tmp_path: Path) -> None:
    empty = make_sandbox(tmp_path, CONFIG)
    assert empty.run("cost").returncode == 1
    assert empty.ok("cost", "--all") == "0 calls, prompt=0 / completion=0 tokens, cost=$0.000000\n"


def test_a_change_may_be_called_like_a_command(box: Sandbox) -> None:
    add(box, "audit", call(7))
    add(box, "reset", call(8))
    assert box.ok("cost", "--", "audit").startswith("1 call, ")
    assert box.ok("cost", "--detail", "reset").startswith("Cost of change reset\n")


def test_commands_below_have_help_of_their_own(box: Sandbox) -> None:
    assert box.ok("cost", "reset", "--help").startswith("Usage: agentd cost reset [OPTIONS] ID\n")
    assert box.ok("cost", "audit", "-h").startswith("Usage: agentd cost audit [OPTIONS] [ID]\n")
    done = box.run("cost", "reset", "--wat")
    assert (done.returncode, "agentd cost reset --help" in done.stderr) == (2, True)


def test_reset_restarts_the_meter_and_keeps_the_calls(box: Sandbox) -> None:
    store = StateStore(box.change("new"))
    assert store.warn(["budget:90"]) == ["budget:90"]
    before = box.telemetry("new")
    assert "new" in box.ok("cost", "reset", "new")
    assert box.telemetry("new") == before
    document = yaml.safe_load(store.path.read_text())
    assert document["budget_reset_calls"] == 5
    assert store.warn(["budget:90"]) == ["budget:90"]
    assert box.ok("cost", "new").startswith("5 calls, ")


def test_reset_of_what_cannot_be_reset(box: Sandbox) -> None:
    archived = box.run("cost", "reset", "old")
    assert (archived.returncode, "archived" in archived.stderr) == (1, True)
    assert box.run("cost", "reset", "nowhere").returncode == 1


def test_what_waits_to_be_entered_is_entered_first(box: Sandbox) -> None:
    StateStore(box.change("new")).keep(call(6))
    assert box.ok("cost", "--all").startswith("7 calls, ")
    StateStore(box.change("new")).keep(call(7))
    box.ok("cost", "reset", "new")  # it came before the reset
    assert "budget_reset_calls: 7\n" in (box.change("new") / "STATE.yaml").read_text()


def test_csv_and_markdown_have_groups_by_themselves(box: Sandbox) -> None:
    assert box.ok("cost", "--format", "csv").startswith("model,step,calls,")
    assert box.ok("cost", "--format", "csv", "--by", "day").startswith("day,calls,")
    assert "gpt-99" in box.ok("cost", "--format", "markdown")


def test_against_a_base(box: Sandbox) -> None:
    def git(*arguments: str) -> None:
        names = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run(["git", *names, *arguments], cwd=box.root, check=True, capture_output=True)

    git("init", "-b", "main")
    git("add", ".")
    git("commit", "-m", "x")
    git("tag", "start")
    StateStore(box.change("new")).append(call(6))
    for scope in (["new"], ["--all"]):
        text = box.ok("cost", *scope, "--base", "start")
        assert "+$0.010000, +1 call, +100 tokens in, +10 tokens out" in text
    document = json.loads(
        box.ok("cost", "new", "--base", "start", "--since", "2026-11-23", "--json")
    )
    assert document["base"]["total"]["calls"] == 2
    wrong = box.run("cost", "--base", "--all")
    assert wrong.returncode == 1
    assert wrong.stdout == ""


def test_a_forecast_instead(box: Sandbox) -> None:
    json.loads(box.ok("cost", "--forecast", "--json"))
    assert box.ok("cost", "new", "--forecast") != box.ok("cost", "new")


NOTHING: dict[str, Any] = {
    "usage": ModelUsage(),
    "cost_usd": Decimal(0),
    "cost_source": "none",
    "accuracy": "heuristic",
    "why": "it told nothing of its usage",
}


def test_what_is_not_known_to_be_zero_never_reads_as_zero(box: Sandbox) -> None:
    """A cancelled call that told nothing, and one of a model without a price."""
    add(box, "stopped", call(21, status="cancelled", model="unknown", **NOTHING))
    add(box, "priceless", call(22, model="gpt-99", cost_usd=Decimal(0), cost_source="none"))
    for change, word in (("stopped", "unknown"), ("priceless", "unpriced")):
        assert f"tokens, cost={word}" in box.ok("cost", change)
        detailed = [
            ("cost", change, "--detail"),
            ("cost", change, "--format", "markdown"),
            ("status", change),
            ("log", change),
        ]
        for arguments in detailed:
            shown = box.ok(*arguments).replace("Total Cost: $0.0000", "")
            assert word in shown, arguments
            assert "$0.0" not in shown, arguments
        (row,) = [line for line in box.ok("list").splitlines() if line.startswith(change)]
        assert row.split()[-2] == word
        assert "$" not in box.ok("delete", change, "--yes")
    least = "cost unknown: 1 call is partial (it told nothing of its usage)"
    assert box.ok("cost", "--all", "--since", "2030-01-01").endswith("cost=$0.000000\n")
    assert least in box.ok("cost", "stopped")
