"""What agentd prints, held against docs/schemas: each field must be named there."""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import best_match

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
BELOW = {("cost", "audit"), ("config", "get"), ("config", "list")}
_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time")
def _is_time(value: object) -> bool:
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)"
    return not isinstance(value, str) or re.fullmatch(pattern, value) is not None


@functools.cache
def schema(name: str) -> dict[str, Any]:
    """The schema as it is shipped."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.schema.json").read_text())
    return found


@functools.cache
def closed(name: str) -> Draft202012Validator:
    """The schema, where what it does not name is wrong."""
    return Draft202012Validator(_closed(schema(name)), format_checker=_FORMATS)


def _closed(part: Any) -> Any:
    if isinstance(part, list):
        return [_closed(each) for each in part]
    if not isinstance(part, dict):
        return part
    found = {key: _closed(value) for key, value in part.items()}
    if "properties" in part and isinstance(part["properties"], dict) and "type" in part:
        found.setdefault("additionalProperties", False)
    return found


def of_command(arguments: Sequence[str]) -> str | None:
    """The schema of what a command line prints; None for one that prints no JSON document.

    That of errors for a command that has no such option: that it has none is an error.
    """
    if "--json" not in arguments and ("--format", "json") not in itertools.pairwise(arguments):
        return None
    words = [*arguments]
    while words[:1] == ["-C"]:
        del words[:2]
    command = tuple(words[:2])
    name = "-".join(command) if command in BELOW else words[0]
    return name if (FOLDER / f"{name}.schema.json").is_file() else "error"


def problems(name: str, document: object) -> str:
    """What is wrong with a document, in a line or more; "" for nothing."""
    validator = closed(name)
    if validator.is_valid(document):
        return ""
    error = best_match(_errors(validator, document))
    return f"{name}.schema.json: {error.json_path}: {error.message[:2000]}"


def _errors(validator: Draft202012Validator, document: object) -> Iterator[Any]:
    """The errors of the form that the document comes nearest to."""
    for error in validator.iter_errors(document):
        forms: dict[int, list[Any]] = {}
        for inner in error.context or ():
            forms.setdefault(inner.schema_path[0], []).append(inner)
        if forms and not error.path:  # of the whole document
            yield from forms[max(forms, key=lambda form: _has_in_common(validator, form, document))]
        else:
            yield error


def _has_in_common(validator: Draft202012Validator, form: int, document: Any) -> int:
    """How many of a form's keys the document has."""
    return len(validator.schema["anyOf"][form]["properties"].keys() & document.keys())


def check_printed(arguments: Sequence[str], printed: str) -> None:
    """Raise AssertionError where what a command printed with ``--json`` is not of its schema."""
    name = of_command(arguments)
    if name is not None and printed.strip():
        wrong = problems(name, json.loads(printed))
        assert not wrong, f"agentd {' '.join(arguments)}: {wrong}\nnew field? see tests/generate"
