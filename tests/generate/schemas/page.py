"""docs/json.md: the fields of all schemas, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from generate.schemas.parts import Schema

_TEXT = Path(__file__).with_name("page.md")
_LAST = ("error", "state", "config")


def page(schemas: Mapping[str, Schema]) -> str:
    """The whole page."""
    shown: dict[str, str] = {}
    parts = []
    for name, schema in schemas.items():
        if name not in _LAST:
            parts.append("\n".join(_section(name, schema, shown)))
    parts.append("\n".join(_section("error", schemas["error"], {})))
    parts.append("\n".join(_section("state", schemas["state"], {})))
    fields = "\n".join(parts).rstrip()
    return _TEXT.read_text(encoding="utf-8").replace("<!-- fields -->", fields)


def _section(name: str, schema: Schema, shown: dict[str, str]) -> Iterator[str]:
    title = schema["title"].removesuffix(" --json")
    heading = "Error" if name == "error" else title
    yield f"## {heading}\n"
    file = f"{name}.schema.json"
    yield f"Schema: [{file}](schemas/{file}), version {schema['version']}.\n"
    parts = schema.get("$defs", {})
    for body in schema.get("anyOf", [schema]):
        if list(body["properties"]) != ["error"] or name == "error":
            yield f"{body['description']}:\n"
            yield from _table(*_without_part(body, parts))
    for key, part in parts.items():
        if key == "error" and name != "error":
            continue
        same = repr(part)
        if same in shown:
            yield f"`{key}`: as in [{shown[same]}](#{_anchor(shown[same])}).\n"
        else:
            shown[same] = heading
            yield f"`{key}`: {_lower(part['description'])}:\n"
            yield from _table(part)


def _without_part(body: Schema, parts: Mapping[str, Schema]) -> tuple[Schema, str]:
    """A body without the fields that are all those of a part, and the part's name."""
    fields = body["properties"].items()
    for name, part in parts.items():
        if len(part["properties"]) > 1 and part["properties"].items() <= fields:
            left = {key: field for key, field in fields if key not in part["properties"]}
            return {**body, "properties": left}, name
    return body, ""


def _table(body: Schema, part: str = "") -> Iterator[str]:
    yield "| field | is | meaning |"
    yield "|---|---|---|"
    for path, field, needed in _rows(body):
        absent = "" if needed else ", or absent"
        yield f"| `{path}` | {_kind(field)}{absent} | {_cell(field)} |"
    yield f"\nand all fields of `{part}`, below.\n" if part else ""


def _rows(body: Schema, before: str = "") -> Iterator[tuple[str, Schema, bool]]:
    for name, field in body["properties"].items():
        yield f"{before}{name}", field, name in body.get("required", ())
        if "properties" in field:
            yield from _rows(field, f"{before}{name}.")


def _kind(field: Schema) -> str:
    if "$ref" in field:
        return f"`{field['$ref'].rpartition('/')[2]}`"
    if "anyOf" in field:
        return " or ".join(_kind(one) for one in field["anyOf"])
    kinds = field["type"] if isinstance(field["type"], list) else [field["type"]]
    told = " or ".join(kinds)
    if "items" in field:
        return told.replace("array", f"list of {_kind(field['items'])}")
    if isinstance(field.get("additionalProperties"), dict):
        return f"{told} of {_kind(field['additionalProperties'])}"
    return told


def _cell(field: Mapping[str, Any]) -> str:
    words = field.get("enum") or field.get("examples") or ()
    listed = ", ".join(f"`{word}`" for word in words if word is not None)
    told = f"{field['description']}: {listed}" if listed else field["description"]
    return told.replace("|", "\\|")


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-").replace(".", "")


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]
