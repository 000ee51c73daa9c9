"""Each help has three examples, and each of them can be typed; `agentd help`."""

from __future__ import annotations

import os
import re
import shlex
import sys
import tomllib
from itertools import takewhile
from pathlib import Path

import pytest
import typer
from support.command import agentd
from support.terminal import on_a_terminal

from agentd.cli.app import COMMANDS, make_app
from agentd.cli.examples import EXAMPLES
from agentd.cli.help import TOPICS

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
BELOW = ("cost reset", "cost audit", "config get", "config set", "config unset", "config list")
HELPS = ("", *COMMANDS, *BELOW)


def commands_of(command: str) -> list[list[str]]:
    """Its examples as lists of arguments, without what the shell does around them."""
    told = EXAMPLES[command].replace("\\\n", "")
    lines = [shlex.split(line, comments=True) for line in told.splitlines()]
    return [
        [*takewhile(lambda word: word not in ("<", ">", "|"), line[line.index("agentd") + 1 :])]
        for line in lines
    ]


def test_every_example_is_one_of_a_help() -> None:
    assert set(HELPS) == set(EXAMPLES)


@pytest.mark.parametrize("command", HELPS)
def test_three_examples_that_are_of_the_command_and_can_be_parsed(command: str) -> None:
    examples = commands_of(command)
    assert len(examples) == 3
    assert len({*map(tuple, examples)}) == 3
    lines = EXAMPLES[command].splitlines()
    assert not any("  " in line.partition("#")[0].strip() for line in lines)
    for words in examples:
        group = typer.main.get_command(make_app(words))
        context = group.make_context("agentd", [*words])
        left = [*context._protected_args, *context.args]
        if command:
            assert left[: command.count(" ") + 1] == command.split(" ")
        parse(group, context, left)


def parse(group: object, context: object, left: list[str]) -> None:
    """As it is parsed before it runs; raises what a wrong command line raises."""
    name, found, rest = group.resolve_command(context, left)  # type: ignore[attr-defined]
    inner = found.make_context(name, rest, parent=context)
    if getattr(found, "commands", None):
        parse(found, inner, [*inner._protected_args, *inner.args])


@pytest.mark.parametrize("command", ["", "log", "cost", "cost reset", "config", "config set"])
def test_they_stand_below_the_help_a_line_each(command: str, tmp_path: Path) -> None:
    shown = agentd(*command.split(), "--help", cwd=tmp_path).stdout
    _, _, below = shown.partition("\n  Examples:\n")
    assert [line.strip() for line in below.rstrip().splitlines()] == [
        line.strip() for line in EXAMPLES[command].splitlines()
    ]


def test_help_has_topics_and_commands(tmp_path: Path) -> None:
    listed = agentd("help", cwd=tmp_path).stdout
    assert all(f"\n  {topic} " in listed for topic in TOPICS)
    assert agentd("help", "budgets", cwd=tmp_path).stdout.startswith("# Budgets\n")
    assert agentd("help", "run", cwd=tmp_path).stdout.startswith("Usage: agentd run ")
    wrong = agentd("help", "nothing", cwd=tmp_path)
    assert (wrong.returncode, "there is no topic nothing" in wrong.stderr) == (1, True)
    assert all(f" {name}" in wrong.stderr for name in (*TOPICS, *COMMANDS))
    near = agentd("help", "budget", cwd=tmp_path).stderr
    assert near.startswith("Error: there is no topic budget; did you mean budgets?\n")
    below = agentd("help", "cost", "reset", cwd=tmp_path).stdout
    assert below.startswith("Usage: agentd cost reset ")


@pytest.mark.parametrize("command", ["init", "review", "cost", "config", "merge-driver"])
def test_help_of_each_command_is_what_its_option_shows(command: str, tmp_path: Path) -> None:
    shown = agentd("help", command, cwd=tmp_path).stdout
    assert shown == agentd(command, "--help", cwd=tmp_path).stdout != ""


def test_a_table_has_columns_where_the_terminal_is_wide_enough(tmp_path: Path) -> None:
    def lines(columns: int) -> list[str]:
        command = [sys.executable, "-m", "agentd", "help", "reports"]
        environ = {**os.environ, "TERM": "xterm"}
        _, shown = on_a_terminal(command, tmp_path, environ, columns=columns, stdout=True)
        assert "|" not in shown.replace("table|json|csv|markdown", "")
        return shown.replace("\r\n", "\n").splitlines()

    wide = lines(120)
    rows = [line for line in wide if "`agentd cost " in line and line.index("`") > 20]
    assert len({line.index("`agentd cost ") for line in rows[:4]}) == 1
    narrow = lines(60)
    place = narrow.index("everything, archived changes too")
    assert narrow[place + 1] == "    `agentd cost --all`"


@pytest.mark.parametrize("topic", TOPICS)
def test_on_a_terminal_a_page_has_whole_words_in_its_lines(topic: str, tmp_path: Path) -> None:
    page = agentd("help", topic, cwd=tmp_path).stdout
    command = [sys.executable, "-m", "agentd", "help", topic]
    environ = {**os.environ, "TERM": "xterm"}
    _, shown = on_a_terminal(command, tmp_path, environ, columns=60, stdout=True)
    lines = shown.replace("\r\n", "\n").splitlines()
    spaced = (line for line in lines if not line.startswith("    "))  # code stays as it is
    assert all(len(line) <= 60 or " " not in line.strip() for line in spaced)
    words = re.sub(r"(?m)\]\([^)]+\)|^```.*|^\|--.*|[][]", "", page).split()
    in_order = [word.replace("\\|", "|") for word in words if word != "|"]
    assert re.sub(r"[][]", "", shown).split() == in_order


def test_the_pages_are_packed() -> None:
    targets = tomllib.loads(PYPROJECT.read_text())["tool"]["hatch"]["build"]["targets"]
    packed = {name for name in targets["wheel"]["force-include"] if name.startswith("docs/")}
    assert packed == {f"docs/{topic}.md" for topic in TOPICS}
