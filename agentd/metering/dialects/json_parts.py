"""Single values out of a JSON text of any size, read block by block in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from agentd.json_value import json_value
from agentd.late_pattern import late_pattern

_INSIDE = late_pattern(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_MARKS = late_pattern(rb'["{}\[\]:,]')
_BRACKETS = late_pattern(rb'["{}\[\]]')
_MAX_VALUE_BYTES = 1 << 20  # a wanted value that is longer is left out
_MAX_KEY_BYTES = 256
_MAX_DEPTH = 10_000
_MAX_VALUES = 10_000

Path = tuple[str, ...]


class JsonParts:
    """Collects the last value at each of some paths, such as ``("response", "usage")``.

    Items of an array have no part in a path: ``("usageMetadata",)`` is found in an array of
    answers too. At a path of ``every`` all values are collected, in a list. What is malformed, or
    nested deeper than 10,000, ends the reading in silence.
    """

    def __init__(self, wanted: Iterable[Path], every: Iterable[Path] = ()) -> None:
        self._values: dict[Path, Any] = {}
        self._every = frozenset(every)
        self._wanted = frozenset(wanted) | self._every
        self._above = {path[:end] for path in self._wanted for end in range(len(path))}
        self._open: list[bytes] = []
        self._path: list[str] = []  # the key at work in each open object
        self._follows = True  # whether a wanted path may lie in the open object or array
        self._in_string = self._escaped = False
        self._key: bytearray | None = None
        self._kept: bytearray | None = None
        self._kept_depth = 0

    def feed(self, data: bytes) -> None:
        """Take the next block."""
        place, end = 0, len(data)
        while place < end and len(self._open) < _MAX_DEPTH:
            if self._in_string:
                place = self._string(data, place)
                continue
            marks = _MARKS if self._follows or self._kept is not None else _BRACKETS
            match = marks.search(data, place)
            stop = match.start() if match else end
            self._keep(data[place:stop])
            if match:
                self._mark(data[stop : stop + 1])
            place = stop + 1

    def document(self) -> dict[str, Any]:
        """The values found so far, nested as they were."""
        found: dict[str, Any] = {}
        for (*above, name), value in self._values.items():
            inner = found
            for key in above:
                inner = inner.setdefault(key, {})
            inner[name] = value
        return found

    def _string(self, data: bytes, place: int) -> int:
        """Pass over a string, or over what of it is in this block; returns the place after it."""
        match = _INSIDE.match(data, place + self._escaped)
        stop = match.end() if match else len(data)
        if stop < len(data) and data[stop] == ord('"'):
            self._in_string = self._escaped = False
            self._keep(data[place : stop + 1])
            return stop + 1
        self._escaped = stop < len(data)  # a backslash, whose partner is in the next block
        self._keep(data[place:])
        return len(data)

    def _keep(self, text: bytes) -> None:
        if self._kept is not None:
            if len(self._kept) <= _MAX_VALUE_BYTES:
                self._kept += text
        elif self._key is not None and len(self._key) <= _MAX_KEY_BYTES:
            self._key += text

    def _mark(self, mark: bytes) -> None:
        ends = mark in (b",", b"}", b"]") and len(self._open) == self._kept_depth
        if self._kept is not None and ends:
            self._finish()
        self._keep(mark if self._kept is not None else b"")
        match mark:
            case b'"':
                self._in_string = True
                if self._kept is None and self._follows and self._open[-1:] == [b"{"]:
                    self._key = bytearray() if self._key is None else self._key
            case b"{" | b"[":
                self._open.append(mark)
                if mark == b"{":
                    self._path.append("")
                self._key = None
            case b"}" | b"]":
                if self._open and self._open.pop() == b"{":
                    self._path.pop()
                self._key = None
            case b":":
                self._value_begins()
            case _:
                self._key = None
        if mark in (b"{", b"[", b"}", b"]", b","):
            in_object = self._open[-1:] == [b"{"]
            self._follows = tuple(self._path[:-1] if in_object else self._path) in self._above

    def _value_begins(self) -> None:
        if self._kept is not None or self._key is None or not self._path:
            return
        self._path[-1] = bytes(self._key).partition(b'"')[0].decode("utf-8", "replace")
        self._key = None
        if tuple(self._path) in self._wanted:
            self._kept, self._kept_depth = bytearray(), len(self._open)

    def _finish(self) -> None:
        kept, self._kept = self._kept or b"", None
        if len(kept) > _MAX_VALUE_BYTES:
            return
        try:
            value = json_value(bytes(kept))
        except ValueError:
            return  # no JSON: the value is not known
        path = tuple(self._path)
        if path not in self._every:
            self._values[path] = value
        elif len(found := self._values.setdefault(path, [])) < _MAX_VALUES:
            found.append(value)
