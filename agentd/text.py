"""Text for a terminal: nothing in it that steers one, and columns."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from decimal import Decimal
from itertools import accumulate

# What a CLI printed may hold them: escape sequences, control characters, turned reading direction.
_UNSEEN = (  # compiled when first needed
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
BOLD, USUAL = "\x1b[1m", "\x1b[0m"
# What a report draws itself, once its names are plain: bold lines, and the ends of lines of CSV.
_DRAWN = rf"(?!\x1b\[[01]m|\r\n)(?:{_UNSEEN})"
_HALVES = "[\ud800-\udfff]"  # of pairs: they can't be written


def plain(text: str, *, drawn: bool = False) -> str:
    """The text without what would steer a terminal; of control characters \\t and \\n stay.

    In what agentd has ``drawn`` itself BOLD, USUAL and CRLF stay, too.
    """
    if text.replace("\n", "").isprintable():
        return text
    return re.sub(_HALVES, "\ufffd", re.sub(_DRAWN if drawn else _UNSEEN, "", text))


def fenced(text: str, language: str = "") -> str:
    """A block of code that no fence inside ``text`` can end."""
    ticks = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    return f"{ticks}{language}\n{text}\n{ticks}"


def one_line(text: str) -> str:
    """The text as :func:`plain` gives it, in one line, with no space around it; ``-`` for none."""
    return " ".join(plain(text).split()) or "-"


def counted(count: int, noun: str, none: str = "0") -> str:
    """``1 call``, ``2 calls``; of nothing ``none`` is the number."""
    return f"{format(count, ',') if count else none} {noun}{'' if count == 1 else 's'}"


def some_of(names: Sequence[str], most: int = 5) -> str:
    """The first of the names, and how many more there are: ``a, b and 3 more``."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def width(text: str) -> int:
    """How many columns of a terminal the text takes: two for a wide character."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def cut(text: str, columns: int, mark: str = "") -> str:
    """The text if it fits into so many columns, else its beginning, with ``mark`` behind it."""
    if width(text) <= columns:
        return text
    room = columns - width(mark)
    taken = accumulate(map(_columns, text))
    return text[: sum(used <= room for used in taken)] + mark


def _columns(sign: str) -> int:
    import unicodedata

    return 0 if unicodedata.combining(sign) else 1 + (unicodedata.east_asian_width(sign) in "WF")


def table(rows: Sequence[Sequence[str]], *, left: Collection[int] = (0,)) -> str:
    """Columns, two spaces between; those of ``left`` to the left, the rest to the right.

    A cell is one line, whatever is in it.
    """
    rows = [[*map(_in_a_line, row)] for row in rows]
    widths = [max(map(width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for place, cell in enumerate(row):
            room = " " * (widths[place] - width(cell))
            cells.append(cell + room if place in left else room + cell)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _in_a_line(cell: str) -> str:
    return cell if cell.isprintable() else " ".join(plain(cell).split())


# Sound JSON, but a terminal obeys some of them, and half a surrogate pair can't be written.
_ODD = "[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"


def json_text(value: object, indent: str = "\n") -> str:
    """``value`` as JSON, indented by two; a Decimal becomes a number with exactly its digits.

    What JSON does not know, such as a path, becomes text.
    """
    import json  # a command that prints text does without

    inner = indent + "  "
    match value:
        case dict() if value:
            items = [f"{json_text(str(key))}: {json_text(value[key], inner)}" for key in value]
            return f"{{{inner}{f',{inner}'.join(items)}{indent}}}"
        case list() | tuple() if value:
            items = [json_text(item, inner) for item in value]
            return f"[{inner}{f',{inner}'.join(items)}{indent}]"
        case Decimal():
            return f"{value:f}"
        case dict() | list() | tuple() | int() | float() | None:
            return json.dumps(value)
        case _:
            return re.sub(_ODD, _escaped, json.dumps(str(value), ensure_ascii=False))


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
