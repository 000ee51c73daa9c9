"""A price below zero in the config: reports print what they can and warn, spending is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.cost_box import add, call
from support.workspace import Sandbox, make_sandbox

CONFIG = """project_name = "p"
[claude]
command = "{claude}"
[pricing.models."my-model"]
cost_per_1m_input = -1.0
cost_per_1m_output = 2.0
[budget]
limit_usd = 50
"""
WARNING = (
    "warning: agentd/config.toml: pricing.models.my-model.cost_per_1m_input is -1.0; "
    "expected a price in USD per 1,000,000 tokens, 0 or more\n"
)


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = make_sandbox(tmp_path, CONFIG)
    add(box, "one", call(1))
    add(box, "two", call(2))
    return box


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("status", "one"), "\nBudget: $0.01 of $50.00 (<1 %, $49.99 left)\n"),
        (("list",), "\ntwo "),
        (("cost", "one"), "1 call, prompt=100 / completion=10 tokens, cost=$0.010000\n"),
        (("cost", "--all", "--by", "model"), "2 "),
    ],
)
def test_reports_print_what_they_can_and_warn_once(
    arguments: tuple[str, ...], shown: str, box: Sandbox
) -> None:
    done = box.run(*arguments)
    assert done.returncode == 0
    assert shown in done.stdout
    assert done.stderr == WARNING
    told = box.run(*arguments, "--json")
    assert (told.returncode, told.stderr) == (0, WARNING)
    assert json.loads(told.stdout)


def test_it_is_seen_without_a_limit_and_beside_a_model(box: Sandbox) -> None:
    text = '[claude]\nmodels = [{id = "a", model = "b", cost_per_1m_output = -0.5}]\n'
    (box.root / "agentd" / "config.toml").write_text(text)
    done = box.run("status", "one")
    assert done.returncode == 0
    assert "claude.models.a.cost_per_1m_output is -0.5" in done.stderr


@pytest.mark.parametrize("command", ["status", "list", "cost"])
def test_a_call_that_waits_is_told_and_not_priced_without_its_price(
    command: str, box: Sandbox
) -> None:
    folder = box.change("one") / "runs" / "20261122T054052-review-6f1c2a9b"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    done = box.run(command, *(["one"] if command != "list" else []))
    assert done.returncode == 0
    assert done.stderr == WARNING + (
        "note: change one: calls wait to be entered until the config is correct "
        "(see agentd doctor).\n"
    )


def test_commands_that_spend_money_refuse(box: Sandbox) -> None:
    done = box.run("challenge", "one")
    assert done.returncode == 1
    assert WARNING.removeprefix("warning: ") in done.stderr
    assert not (box.root.parent / "seen.jsonl").exists()


@pytest.mark.parametrize("budget", ["[budget]\nlimt_usd = 3\n", "[budgets]\nlimit_usd = 3\n"])
def test_a_limit_that_is_none_is_told_where_it_would_be_shown(budget: str, box: Sandbox) -> None:
    (box.root / "agentd" / "config.toml").write_text(f'project_name = "p"\n{budget}')
    for command in (("status", "one"), ("list",)):
        done = box.run(*command)
        assert done.returncode == 0
        assert "warning: agentd/config.toml: unknown key budget" in done.stderr
        assert "did you mean budget" in done.stderr
