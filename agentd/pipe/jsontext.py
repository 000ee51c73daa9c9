"""JSON as text: read a value, add members to an object or take some out."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, NoReturn

from agentd.late_pattern import late_pattern

_SPACE = late_pattern(r"[ \t\n\r]*")


class NotANumber(Exception):
    """NaN or Infinity, which Python reads, but JSON does not have."""


def decode(text: str, start: int = 0) -> tuple[Any, int]:
    """The value that begins there, and where it ends.

    An integer of more digits than Python converts comes as a float. Raises JSONDecodeError,
    NotANumber, and RecursionError for a value nested too deeply.
    """
    try:
        return _decode(text, start)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return _decode_long_integers(text, start)


def opened(line: str) -> str:
    """An object's text up to where another member can be appended; it must have one already."""
    return f"{line[:-1]},"


def opened_without(line: str, keys: Collection[str]) -> str:
    """The same of an object of any members, those named left out; the rest stays as written."""
    kept = []
    place = _skip(line, 1)
    while line[place] == '"':
        key, after_key = decode(line, place)
        value = _skip(line, _skip(line, after_key) + 1)
        end = decode(line, value)[1]
        if key not in keys:
            kept.append(line[place:end])
        place = _skip(line, end)
        if line[place] == ",":
            place = _skip(line, place + 1)
    return "{" + "".join(f"{member}," for member in kept)


def _skip(line: str, place: int) -> int:
    match = _SPACE.match(line, place)
    assert match is not None  # the pattern matches nothing, too
    return match.end()


def _refuse(constant: str) -> NoReturn:
    raise NotANumber(constant)


def _integer(digits: str) -> int | float:
    try:
        return int(digits)
    except ValueError:
        return float(digits)


_decode = json.JSONDecoder(parse_constant=_refuse).raw_decode
_decode_long_integers = json.JSONDecoder(parse_constant=_refuse, parse_int=_integer).raw_decode
