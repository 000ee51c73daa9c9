"""README and docs name no command or option that is not there, and all commands that are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from agentd.cli.app import COMMANDS, make_app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_LINE = re.compile(r"(?:`|^ {4}(?:\$ )?|^\$ )agentd ([^`\n#;|]*)", re.MULTILINE)
_BEFORE = re.compile(r"^(?:-C \S+ |--debug )+")


def commands_in(page: Path) -> list[str]:
    lines = [_BEFORE.sub("", line) for line in _LINE.findall(page.read_text())]
    return [line for line in lines if line[:1].islower()]


def options_of(words: list[str]) -> Iterator[str]:
    command = typer.main.get_command(make_app(words[:1]))
    yield "--help"
    for word in words:
        command = getattr(command, "commands", {}).get(word, command)
        for parameter in command.params:
            yield from (*parameter.opts, *parameter.secondary_opts)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_with_its_options_is_there(page: Path) -> None:
    for line in commands_in(page):
        words = line.split()
        assert words[0] in COMMANDS, line
        named = set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", line))
        assert named <= {*options_of(words)}, line


def test_enough_is_found_and_every_command_is_told() -> None:
    assert sum(len(commands_in(page)) for page in PAGES) > 100
    table = re.findall(r"^\| `([a-z-]+)", (ROOT / "docs" / "commands.md").read_text(), re.MULTILINE)
    assert {*table} == {*COMMANDS}
