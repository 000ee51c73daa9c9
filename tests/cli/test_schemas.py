"""docs/schemas: whole, up to date, and true of what the commands print; each field is seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from generate.schemas.__main__ import DOCS, files
from jsonschema import Draft202012Validator
from support.schemas import schema

from agentd.cli.app import COMMANDS, make_app

NAMES = sorted(path.name.partition(".")[0] for path in (DOCS / "schemas").iterdir())
NOT_OF_A_COMMAND = {"config", "error", "pipe-line", "pipe-summary", "state"}
CONFIG = """
project_name = "shapes"
[claude]
command = "{claude}"
default = "mine"
[[claude.models]]
id = "mine"
model = "gpt-5"
[codex]
command = "{codex}"
default = "gpt-5"
[pricing]
sources = ["config", "catalog"]
[pricing.models."gpt-5"]
cost_per_1m_input = 2
cost_per_1m_output = 10
[budget]
limit_usd = 50
limit_tokens = 1_000_000
[budget.project]
limit_usd = 500
"""


def with_json() -> Iterator[str]:
    """Each command that has --json, as its schema is named."""
    for name in COMMANDS:
        command: Any = typer.main.get_command(make_app([name])).commands[name]
        below = getattr(command, "commands", None) or getattr(command, "below", {})
        for path, each in [(name, command), *((f"{name}-{one}", below[one]) for one in below)]:
            if any("--json" in parameter.opts for parameter in each.params):
                yield path


def test_every_command_with_json_has_a_schema() -> None:
    assert {*with_json()} == {*NAMES} - NOT_OF_A_COMMAND
    assert len(NAMES) > 15


def test_they_are_made_of_the_tables_as_they_are_now() -> None:
    told = "run `make schemas`"
    assert {path.name for path in files() if path.suffix == ".json"} == {
        f"{name}.schema.json" for name in NAMES
    }, told
    for path, text in files().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: {told}"


@pytest.mark.parametrize("name", NAMES)
def test_each_is_sound_and_says_what_each_field_is(name: str) -> None:
    whole = schema(name)
    Draft202012Validator.check_schema(whole)
    assert whole["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert whole["$id"] == f"urn:agentd:schema:{name}:{whole['version']}"
    assert whole["title"]
    for place, part in fields_of(whole):
        assert part.get("description"), f"{name}: {place}"
        if place.endswith("_usd"):
            assert "USD" in part["description"], f"{name}: {place}"
        if place.endswith("_ms"):
            assert "milliseconds" in part["description"], f"{name}: {place}"


def fields_of(part: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Each field that a schema names, with its place."""
    if isinstance(part, list):
        for each in part:
            yield from fields_of(each, place)
    elif isinstance(part, dict):
        named = part.get("properties", {}) if "type" in part else {}
        yield from ((f"{place}.{name}", field) for name, field in named.items())
        for key, value in part.items():
            if key not in ("enum", "examples", "default", "required"):
                yield from fields_of(value, f"{place}.{key}")
