"""Read one line: its object, the texts to count, its model, its output tokens."""

from __future__ import annotations

import json
from typing import Any

from agentd.frozen import frozen
from agentd.metering.usage import whole_count
from agentd.pipe.jsontext import NotANumber, decode

_MAX_MODEL_CHARS = 500
_HOLDERS = ("content", "parts", "text")
_UNCOUNTED = {"role", "name", "type"}  # what the chat format makes of them is not known
_KINDS = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


class BadLine(Exception):
    """A line that can't be counted; the text says why."""


class NoField(BadLine):
    """A line has no such field."""


@frozen()
class FieldPath:
    """Where a value stands in an object: a key, or keys and places in arrays joined by points."""

    name: str

    def find(self, record: dict[str, Any]) -> Any:
        """The value; a key that has the whole name goes first. Raises NoField."""
        if self.name in record:
            return record[self.name]
        value: Any = record
        for part in self.name.split("."):
            if isinstance(value, dict) and part in value:
                value = value[part]
            elif isinstance(value, list) and _is_place(part) and int(part) < len(value):
                value = value[int(part)]
            else:
                raise NoField(f'no field "{self.name}"')
        return value


def parse(line: str) -> dict[str, Any]:
    """The object that a line without white space around it is. Raises BadLine."""
    try:
        value, end = decode(line)
    except json.JSONDecodeError as error:
        raise BadLine(f"not JSON: {error.msg} (column {error.colno})") from error
    except NotANumber as error:
        raise BadLine(f"not JSON: {error}") from error
    except RecursionError as error:
        raise BadLine("nested too deeply") from error
    if end != len(line):
        raise BadLine(f"not JSON: more text after the value (column {end + 1})")
    if not isinstance(value, dict):
        raise BadLine(f"not a JSON object but {_KINDS[type(value)]}")
    return value


def texts_of(value: Any, field: FieldPath) -> tuple[list[str], bool]:
    """The texts of a field that is no string: of chat messages, or of a message's parts.

    Also whether that is all; tool calls, images and the like are not counted. Raises BadLine.
    """
    texts: list[str] = []
    try:
        complete = _collect(value, texts)
    except RecursionError as error:
        raise BadLine("nested too deeply") from error
    except BadLine as error:
        raise BadLine(f'field "{field.name}" {error}') from error
    return texts, complete


def model_name(value: Any, field: FieldPath) -> str:
    """A line's own model. Raises BadLine."""
    if not isinstance(value, str) or not value.strip() or len(value) > _MAX_MODEL_CHARS:
        raise BadLine(f'field "{field.name}" is no name of a model')
    return value


def output_tokens(record: dict[str, Any]) -> int | None:
    """The output tokens that a line brings along, None if it has none. Raises BadLine."""
    value = record.get("tokens_output")
    if value is None:
        return None
    count = whole_count(value)
    if count is None:
        raise BadLine('field "tokens_output" is no whole number from 0 to 10^15')
    return count


def _is_place(part: str) -> bool:
    return part.isdecimal() and len(part) < 10


def _collect(value: Any, texts: list[str]) -> bool:
    if isinstance(value, str):
        texts.append(value)
        return True
    if not isinstance(value, list):
        raise BadLine(f"is {_KINDS[type(value)]}; expected a string or chat messages")
    complete = True
    for item in value:
        if not isinstance(item, dict):
            raise BadLine(f"holds {_KINDS[type(item)]}; expected chat messages or their parts")
        held = next((key for key in _HOLDERS if isinstance(item.get(key), str | list)), None)
        if held is not None:
            complete = _collect(item[held], texts) and complete
        elif "role" not in item and "type" not in item:
            raise BadLine("holds an object that is no chat message and no part of one")
        others = item.keys() - _UNCOUNTED - {held}
        complete &= ("content" in item or held is not None) and not any(map(item.get, others))
    return complete
