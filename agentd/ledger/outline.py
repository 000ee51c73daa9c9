"""The top-level keys of a STATE.yaml whose lines are plain enough to do without a parser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from agentd.ledger import scalar

KEY = r"[A-Za-z_][A-Za-z0-9_./-]*"
_PLAIN = r"(?:[\w./]|-(?=\w))(?:[\w./+@=,()-]|:(?=[\w./+-])| (?=[\w./+(@=-]))*"
VALUE = rf"(?:{scalar.SINGLE}|{scalar.DOUBLE}|{_PLAIN}|\{{\}}|\[\]|~)"
_LINE = re.compile(
    rf"(?P<indent> *)(?:(?P<dash>- )?(?P<key>{KEY}):(?: +(?P<value>{VALUE}))?(?: +\#.*| *)|\#.*|)"
    r"(?:\n|\Z)"
)
_NULLS = ("~", "null", "Null", "NULL", "{}", "[]")


class Span(NamedTuple):
    """Where the value of a top-level key stands; ``text`` is None for null and for collections."""

    start: int
    end: int
    text: str | None


def read(text: str, start: int, end: int) -> dict[str, Span] | None:
    """The top-level keys outside ``text[start:end]``, which holds the key telemetry.

    None unless every line is a comment or a pair of the layout: ``key: value`` on the top level,
    and below a key pairs, pairs of pairs (checksums) or a list of flat mappings (validations).
    ``text`` is as ``Source.ordinary`` says; no key may come twice.
    """
    spans = {"telemetry": Span(start, start, None)}
    nest = _Nest()
    for match in _lines(text, start, end):
        if match is None:
            return None
        indent, dash, key, value = match["indent"], match["dash"], match["key"], match["value"]
        if key is None:
            continue
        if indent or dash:
            if not nest.take(len(indent), bool(dash), key, value is not None):
                return None
            continue
        if key in spans:
            return None
        nest = _Nest(is_open=value is None)
        at = match.start("value") if value is not None else match.end("key") + 1
        spans[key] = Span(at, at + len(value or ""), _scalar(value))
    return spans


def _lines(text: str, start: int, end: int) -> Iterator[re.Match[str] | None]:
    position = 4 if text.startswith("---\n") else 0
    while position < len(text):
        if position == start:
            position = end
            continue
        match = _LINE.match(text, position)
        yield match
        position = match.end() if match else len(text)


def _scalar(value: str | None) -> str | None:
    return None if value is None or value in _NULLS else scalar.read_text(value)


class _Nest:
    """What may stand below one top-level key, and what stood there so far."""

    def __init__(self, *, is_open: bool = False) -> None:
        self._is_open = is_open
        self._kind: tuple[int, bool] | None = None
        self._outer: set[str] = set()
        self._inner: set[str] | None = None

    def take(self, indent: int, dash: bool, key: str, has_value: bool) -> bool:
        """Whether a line may follow here: ``dash`` begins a list item."""
        if not self._is_open:
            return False
        if self._kind is None:
            self._kind = (indent, dash)
            if indent > 2 or (indent == 0 and not dash):
                return False
        base, is_list = self._kind
        if (indent, dash) == self._kind:
            return self._take_outer(key, has_value)
        depth = base + 2 if is_list else 4
        return not dash and indent == depth and has_value and self._take_inner(key)

    def _take_outer(self, key: str, has_value: bool) -> bool:
        if self._kind and self._kind[1]:
            self._inner = {key}
            return has_value
        fresh = key not in self._outer
        self._outer.add(key)
        self._inner = None if has_value else set()
        return fresh

    def _take_inner(self, key: str) -> bool:
        if self._inner is None or key in self._inner:
            return False
        self._inner.add(key)
        return True
