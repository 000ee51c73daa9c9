"""A Markdown text as lines: which are code, which are comments, which are headings.

Line numbers count from 1 and agree with editors: a line ends at LF, CRLF or CR and nowhere else
(``str.splitlines`` also breaks at form feeds and at U+2028). Every pass is linear in the text.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import cached_property

from agentd.frozen import frozen
from agentd.late_pattern import late_pattern
from agentd.markdown.blocks import Blocks, Kind
from agentd.markdown.spans import spans

BOM = "\ufeff"
_HEADING = late_pattern(r"^ {0,3}(#{1,6})(?:[ \t]+(.*))?$")


@frozen()
class Heading:
    """A heading ``# title``, or an underlined one: ``line`` is its own number, ``end`` its last.

    What stands up to the next heading of this level or a higher one belongs to it.
    """

    level: int
    title: str
    line: int
    end: int


@frozen(slots=False)
class Document:
    """A text in ``lines``; ``shown`` are the same without their comments.

    ``unclosed`` is the line of a code block or comment that never ends.
    """

    lines: list[str]
    shown: list[str]
    kinds: list[Kind]
    unclosed: int | None = None

    @cached_property
    def headings(self) -> list[Heading]:
        """The headings, in order; not those in quotes."""
        found: list[tuple[int, str, int]] = []
        underlined = {index for index, kind in enumerate(self.kinds) if kind is Kind.UNDERLINE}
        for number, line in self.numbered():
            if "#" in line[:4] and (match := _HEADING.match(line)):
                found.append((len(match[1]), _title(match[2] or ""), number))
            elif number in underlined:
                level = 1 if self.lines[number].lstrip()[0] == "=" else 2
                found.append((level, line.strip(), number))
        headings: list[Heading] = []
        next_of_level = [len(self.lines) + 1] * 7
        for level, title, number in reversed(found):
            headings.append(Heading(level, title, number, min(next_of_level[1 : level + 1]) - 1))
            next_of_level[level] = number
        headings.reverse()
        return headings

    def numbered(self, start: int = 1, end: int | None = None) -> Iterator[tuple[int, str]]:
        """The lines of prose from ``start`` to ``end``, both included, as shown, with numbers."""
        for index in range(start - 1, len(self.lines) if end is None else end):
            if self.kinds[index] is Kind.PROSE:
                yield index + 1, self.shown[index]

    def is_prose(self, index: int) -> bool:
        """Whether the line at ``index`` (from 0) is neither code nor part of a comment."""
        return self.kinds[index] is Kind.PROSE

    def is_empty(self, heading: Heading) -> bool:
        """Whether nothing stands under a heading; code and sub-headings are something."""
        return not any(
            self.shown[index].strip() and self.kinds[index] in (Kind.PROSE, Kind.CODE)
            for index in range(heading.line, heading.end)
        )


def split_lines(text: str) -> list[str]:
    """The lines of a text without their ends; a leading BOM is left out."""
    return text.lstrip(BOM).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def scan(text: str) -> Document:
    """Read a text once.

    A comment runs from a ``<!--`` outside code to the next ``-->``, over blank lines and list items
    too (CommonMark ends one within a paragraph there): what its author hid must count for nothing.
    One that never ends hides what follows only if it begins a line.
    """
    lines = split_lines(text)
    shown = list(lines)
    kinds = [Kind.PROSE] * len(lines)
    ends = [index for index, line in enumerate(lines) if "-->" in line] if "<!--" in text else []
    blocks = Blocks()
    opened = index = 0
    while index < len(lines):
        line, first = lines[index], index
        fence = blocks.fence
        kinds[first] = blocks.read(line)
        if blocks.fence and blocks.fence is not fence:
            opened = first
        if "<!--" in line and kinds[first] is not Kind.CODE and not blocks.in_comment:
            shown[first], index = _without_comments(lines, index, ends)
            hidden = index - first
            shown[first + 1 : index + 1] = [""] * hidden
            kinds[first + 1 : index + 1] = [Kind.COMMENT] * hidden
            if blocks.starts_comment and not hidden and not _ends(line):
                blocks.in_comment, opened = True, first
        index += 1
    return Document(lines, shown, kinds, opened + 1 if blocks.fence or blocks.in_comment else None)


def _without_comments(lines: list[str], index: int, ends: list[int]) -> tuple[str, int]:
    """A line without comments, and the index of the line where the last of them ends.

    What stands behind a comment of several lines belongs to the line it began in.
    """
    parts: list[str] = []
    start, last = 0, -1
    while last != index:
        last = index
        for kind, at, end in spans(lines[index], start):
            if kind != "<":
                continue
            place = bisect_right(ends, index) if end < 0 else 0
            if place == len(ends):
                break  # it never ends
            parts.append(lines[index][start:at])
            if end < 0:
                index = ends[place]
                start = lines[index].index("-->") + 3
                break
            start = end
    return "".join([*parts, lines[index][start:]]), index


def _ends(line: str) -> bool:
    return "-->" in line[line.index("<!--") + 2 :]


def _title(text: str) -> str:
    """The text of a heading, without closing ``#`` marks."""
    text = text.strip()
    bare = text.rstrip("#")
    return bare.rstrip() if bare != text and (not bare or bare[-1] in " \t") else text
