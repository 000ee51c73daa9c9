"""Text for a terminal: nothing in it that steers one, and columns."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

# What a CLI printed may hold them: escape sequences, control characters, turned reading direction.
_UNSEEN = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)


def plain(text: str) -> str:
    """The text without what would steer a terminal; of control characters \\t and \\n stay."""
    return _UNSEEN.sub("", text)


def one_line(text: str) -> str:
    """The text as :func:`plain` gives it, in one line, with no space around it; ``-`` for none."""
    line = " ".join(plain(text).split())
    return re.sub("[\ud800-\udfff]", "\ufffd", line) or "-"


def width(text: str) -> int:
    """How many columns of a terminal the text takes: two for a wide character."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(sign) else 1 + (unicodedata.east_asian_width(sign) in "WF")
        for sign in text
    )


def cut(text: str, columns: int, mark: str) -> str:
    """The text if it fits into so many columns, else its beginning, with ``mark`` behind it."""
    if width(text) <= columns:
        return text
    while text and width(text) + width(mark) > columns:
        text = text[:-1]
    return text + mark


def table(rows: Sequence[Sequence[str]], *, left: Collection[int] = (0,)) -> str:
    """Columns, two spaces between; those of ``left`` to the left, the rest to the right."""
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for place, cell in enumerate(row):
            room = " " * (widths[place] - width(cell))
            cells.append(cell + room if place in left else room + cell)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
