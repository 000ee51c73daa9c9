"""A CLI's whole output, of whatever format, as the JSON objects in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

_DECODER = json.JSONDecoder(parse_float=Decimal)
_DOCUMENT = re.compile(r"^[ \t]*(?=[{\[])", re.MULTILINE)


def events(output: str) -> Iterator[Mapping[str, Any]]:
    """The objects of JSON lines, and of one-line arrays; whatever else a line holds is noise."""
    for line in output.split("\n"):
        start = 0 if line.startswith("[") else line.find("{")
        if start >= 0:
            try:
                value = json.loads(line[start:], parse_float=Decimal)
            except (ValueError, RecursionError):  # noise, a part of a document, or a cut last line
                continue
            yield from _objects(value)


def documents(output: str) -> Iterator[Mapping[str, Any]]:
    """The objects of JSON documents that start a line and run over many, with noise between."""
    position = 0
    while match := _DOCUMENT.search(output, position):
        try:
            value, position = _DECODER.raw_decode(output, match.end())
        except (ValueError, RecursionError):
            position = match.end() + 1
        else:
            yield from _objects(value)


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, Mapping):
            yield item
