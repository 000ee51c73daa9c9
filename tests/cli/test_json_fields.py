"""Over projects of many shapes: each answer is of its schema, and each field of it is seen."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from generate.schemas.documents import ANSWERS
from jsonschema import Draft202012Validator
from support.command import agentd
from support.json_shapes import LINES, shapes
from support.schemas import of_command, problems, schema
from support.warm_start import run_agentd as agentd_bytes

Seen = set[tuple[str, str]]


def test_each_field_of_each_answer_is_seen(tmp_path: Path) -> None:
    box = shapes(tmp_path)
    environ = {**os.environ, "HOME": str(tmp_path / "home")}
    seen: Seen = set()
    for line in LINES:
        done = agentd(*line, "--json", cwd=box.root, env=environ)
        assert done.stdout, f"{line}: {done.stderr}"
        document = json.loads(done.stdout)
        name = of_command([*line, "--json"])
        assert name is not None
        assert problems(name, document) == "", line
        look(schema(name), schema(name), document, seen)
    named = {
        field
        for name in ANSWERS
        if not name.startswith("pipe")
        for field in fields_of(schema(name))
    }
    assert sorted(named - seen) == []


def look(whole: Any, part: Any, value: Any, seen: Seen) -> None:
    """Note which of the fields that a schema names are in a value."""
    if "$ref" in part:
        part = whole["$defs"][part["$ref"].rpartition("/")[2]]
    for form in part.get("anyOf", ()):
        if Draft202012Validator({**form, "$defs": whole.get("$defs", {})}).is_valid(value):
            look(whole, form, value, seen)
    if isinstance(value, list) and "items" in part:
        for each in value:
            look(whole, part["items"], each, seen)
    if isinstance(value, dict):
        named = part.get("properties", {})
        for key, each in value.items():
            if key in named:
                seen.add((key, named[key]["description"]))
                look(whole, named[key], each, seen)
            elif isinstance(part.get("additionalProperties"), dict):
                look(whole, part["additionalProperties"], each, seen)


def fields_of(part: Any) -> Iterator[tuple[str, str]]:
    """Each field that a schema names, with what it says: one that stands in two is the same."""
    if isinstance(part, list):
        for each in part:
            yield from fields_of(each)
    elif isinstance(part, dict):
        if isinstance(part.get("properties"), dict) and "required" in part:
            yield from ((key, each["description"]) for key, each in part["properties"].items())
        for key, value in part.items():
            if key not in ("enum", "examples", "required"):
                yield from fields_of(value)


def test_the_lines_and_the_summary_of_pipe(tmp_path: Path) -> None:
    text = b'{"text": "hello", "id": 1}\n{"text": "hello", "tokens_output": 5}\nno JSON\n'
    for mode, models, failed in (("price", ["gpt-4o"], 1), ("tokens", ["who-knows"], 1)):
        done = agentd_bytes(
            *("pipe", "--model", *models, "--mode", mode, "--quiet", "--summary-format", "json"),
            cwd=tmp_path,
            stdin=text,
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert len(lines) == 2
        shipped = Draft202012Validator(schema("pipe-line"))
        assert [error.message for line in lines for error in shipped.iter_errors(line)] == []
        summary = json.loads(done.stderr)
        assert problems("pipe-summary", summary) == ""
        assert summary["lines_failed"] == failed
        if mode == "price":
            assert {*schema("pipe-line")["properties"]} <= {*lines[0]}
            assert {*summary} == {*schema("pipe-summary")["properties"]}
