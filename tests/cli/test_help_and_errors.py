"""Every command's help can be read at 80 columns; each error has its exit code, in JSON too."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from generate.schemas.documents import FAILED_CODES
from support.command import agentd
from support.schemas import problems

from agentd import errors
from agentd.cli.app import COMMANDS
from agentd.cli.examples import EXAMPLES

BELOW = [command for command in EXAMPLES if " " in command]
# As docs/commands.md and the contract of the exit codes have them.
EXIT_CODES = {
    "usage": 2,
    "input": 1,
    "config": 1,
    "state": 1,
    "parse": 1,
    "unsupported_model": 1,
    "provider": 4,
    "budget_exceeded": 3,
    "not_approved": 5,
    "paused": 6,
    "interrupted": 130,
}
CLASSES = [
    found
    for found in vars(errors).values()
    if isinstance(found, type) and issubclass(found, errors.AgentdError)
]


@pytest.mark.parametrize("command", [*COMMANDS, *BELOW])
def test_help_at_80_columns(command: str, tmp_path: Path) -> None:
    environ = {**os.environ, "COLUMNS": "80", "TERMINAL_WIDTH": "80"}
    done = agentd(*command.split(), "--help", cwd=tmp_path, env=environ)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: agentd {command} ")
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []
    text, _, examples = done.stdout.partition("\n  Examples:\n")
    assert examples.count("agentd ") >= 3
    described = text.split("Options:")[0].splitlines()[1:]
    assert any(line.strip() for line in described), "says nothing of what it does"


def test_each_error_has_its_exit_code() -> None:
    found = {each.code: each.exit_code for each in CLASSES if each is not errors.AgentdError}
    assert found == EXIT_CODES
    assert {*FAILED_CODES} == {*EXIT_CODES}
    page = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
    told = page.partition("## Exit codes")[2]
    assert all(f"\n| {code} |" in told for code in {*EXIT_CODES.values(), 0, 70})


@pytest.mark.parametrize("command", ["status", "cost", "log", "config get", "price", "tokens"])
def test_wrong_usage_with_json_is_an_error_document(command: str, tmp_path: Path) -> None:
    done = agentd(*command.split(), "--no-such-option", "--json", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "")
    document = json.loads(done.stdout)
    assert problems("error", document) == ""
    assert document["error"]["code"] == "usage"
    assert "--no-such-option" in document["error"]["message"]
    assert document["error"]["fix"] == f"See: agentd {command} --help"


@pytest.mark.parametrize(
    "command", ["status", "list", "show", "log", "cost", "cost audit", "validate", "reconcile"]
)
def test_outside_of_a_project_it_says_what_to_do(command: str, tmp_path: Path) -> None:
    plain = agentd(*command.split(), cwd=tmp_path)
    as_json = agentd(*command.split(), "--json", cwd=tmp_path)
    assert (plain.returncode, plain.stdout) == (1, "")
    assert (as_json.returncode, as_json.stderr) == (1, "")
    error = json.loads(as_json.stdout)["error"]
    assert plain.stderr == f"Error: {error['message']}\n{error['fix']}\n"
    assert "agentd init" in error["fix"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("run nope", "There is agentd help run."),
        ("cost nope", "agentd help cost reset; agentd help cost audit."),
        ("cost reset more", "There is agentd help cost;"),
        ("config nope", "agentd help config get"),
    ],
)
def test_help_on_what_is_not_there_names_what_is(words: str, told: str, tmp_path: Path) -> None:
    done = agentd("help", *words.split(), cwd=tmp_path, env=dict(os.environ))
    assert (done.returncode, done.stdout) == (1, "")
    assert f"there is no topic {words}" in done.stderr
    assert told in done.stderr
