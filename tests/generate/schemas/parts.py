"""The parts of a JSON schema, each with what it says: a field is one line of Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from agentd.version import JSON_VERSION

Schema = dict[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def text(told: str, *words: str, **more: object) -> Schema:
    """A string; ``words`` are all that it can be."""
    return {"type": "string", "description": told, **({"enum": [*words]} if words else {}), **more}


def word(told: str, *known: str) -> Schema:
    """A string that comes from a ledger, where a newer agentd may have written another word."""
    return {"type": "string", "description": told, "examples": [*known]}


def flag(told: str) -> Schema:
    return {"type": "boolean", "description": told}


def count(told: str, minimum: int = 0) -> Schema:
    return {"type": "integer", "description": told, "minimum": minimum}


def number(told: str, **more: object) -> Schema:
    return {"type": "number", "description": told, **more}


def usd(told: str) -> Schema:
    """An amount of 0 or more, with all its digits."""
    return number(f"{told}, in USD", minimum=0)


def time(told: str) -> Schema:
    return text(f"{told}, in UTC, as 2026-11-22T05:40:52Z", format="date-time")


def null_or(schema: Schema, when: str) -> Schema:
    """The same, or null; ``when`` says what null means."""
    told = f"{schema['description']}; null {when}"
    if "$ref" in schema:
        return {"description": told, "anyOf": [{"$ref": schema["$ref"]}, {"type": "null"}]}
    kind = schema["type"]
    found = {**schema, "type": [kind, "null"], "description": told}
    if "enum" in found:
        found["enum"] = [*found["enum"], None]
    return found


def listed(items: Schema, told: str) -> Schema:
    return {"type": "array", "description": told, "items": items}


def by_name(values: Schema, told: str) -> Schema:
    """An object whose keys are names, such as those of steps."""
    return {"type": "object", "description": told, "additionalProperties": values}


def shape(
    told: str, fields: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None
) -> Schema:
    """An object with all of ``fields``, and the ``optional`` ones where they have a say."""
    return {
        "type": "object",
        "description": told,
        "properties": {**fields, **(optional or {})},
        "required": [*fields],
    }


def of(name: str, told: str) -> Schema:
    """What stands under ``$defs``."""
    return {"$ref": f"#/$defs/{name}", "description": told}


def document(name: str, title: str, version: str, body: Schema, **defs: Schema) -> Schema:
    """A whole schema; its version is that of what it describes."""
    head = {
        "$schema": DRAFT,
        "$id": f"urn:agentd:schema:{name}:{version}",
        "title": title,
        "version": version,
    }
    return {**head, **body, **({"$defs": defs} if defs else {})}


class Answer(NamedTuple):
    """What one command prints: ``bodies`` are the forms that it has, ``defs`` their parts.

    One that ``can_fail`` may print an error instead.
    """

    command: str
    bodies: tuple[Schema, ...]
    defs: Mapping[str, Schema] = {}
    can_fail: bool = True


def answer(told: str, fields: Mapping[str, Schema], **optional: Schema) -> Schema:
    """The document of a command, with its version."""
    return shape(told, {"version": VERSION_FIELD, **fields}, optional)


VERSION_FIELD = text("The version of this document", JSON_VERSION)
