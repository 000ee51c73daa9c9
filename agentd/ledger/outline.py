"""The top-level keys of a STATE.yaml whose lines are plain enough to do without a parser."""

from __future__ import annotations

from typing import NamedTuple

from agentd.late_pattern import late_pattern
from agentd.ledger import scalar

KEY = r"[A-Za-z_][A-Za-z0-9_./-]*"
_PLAIN = r"(?:[\w./]|-(?=\w))(?:[\w./+@=,()-]++|:(?=[\w./+-])| (?=[\w./+(@=-]))*"
VALUE = rf"(?:{scalar.SINGLE}|{scalar.DOUBLE}|{_PLAIN}|\{{\}}|\[\]|~)"
_LINE = late_pattern(rf"(?:({KEY}):(?: +({VALUE}))?(?: +#.*| *)| *(?:#.*)?)(?:\n|\Z)")
_NULLS = ("~", "null", "Null", "NULL", "{}", "[]")


class Span(NamedTuple):
    """Where the value of a top-level key stands; ``text`` is None for null and for collections."""

    start: int
    end: int
    text: str | None


def read(text: str, start: int, end: int) -> dict[str, Span] | None:
    """The top-level keys outside ``text[start:end]``, which holds the key telemetry.

    None unless every line is a comment or ``key: value``. ``text`` is as ``Source.ordinary`` says;
    no key may come twice.
    """
    spans = {"telemetry": Span(start, start, None)}
    position = 4 if text.startswith("---\n") else 0
    while position < len(text):
        if position == start:
            position = end
            continue
        match = _LINE.match(text, position)
        if match is None or match[1] in spans:
            return None
        position = match.end()
        if (key := match[1]) is not None:
            value = match[2]
            at = match.start(2) if value is not None else match.end(1) + 1
            null = value is None or value in _NULLS
            spans[key] = Span(at, at + len(value or ""), None if null else scalar.read_text(value))
    return spans
