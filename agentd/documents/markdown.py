"""The lines of a Markdown text, which of them are prose, and its headings.

Line numbers count from 1 and agree with editors: a line ends at LF, CRLF or CR and nowhere else
(``str.splitlines`` also breaks at form feeds and at U+2028). Every pass is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

BOM = "\ufeff"
_HEADING = re.compile(r"^ {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_FENCE = re.compile(r"^[ \t>]*(?:[-*+][ \t]+|\d{1,9}[.)][ \t]+)?(`{3,}|~{3,})(.*)$")
_BACKTICKS = re.compile(r"`+")


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading ``# title``: ``line`` is its own number, ``end`` that of its last line.

    What stands up to the next heading of this level or a higher one belongs to it.
    """

    level: int
    title: str
    line: int
    end: int


@dataclass(frozen=True)
class Document:
    """A text in lines; ``prose[i]`` is False for code blocks and HTML comments.

    ``unclosed`` is the line of a code block or comment that never ends.
    """

    lines: list[str]
    prose: list[bool]
    unclosed: int | None = None

    @cached_property
    def headings(self) -> list[Heading]:
        """The headings, in order."""
        found: list[tuple[int, str, int]] = []
        for number, line in self.numbered():
            if "#" in line[:4] and (match := _HEADING.match(line)):
                found.append((len(match[1]), _title(match[2] or ""), number))
        headings: list[Heading] = []
        next_of_level = [len(self.lines) + 1] * 7
        for level, title, number in reversed(found):
            headings.append(Heading(level, title, number, min(next_of_level[1 : level + 1]) - 1))
            next_of_level[level] = number
        headings.reverse()
        return headings

    def numbered(self, start: int = 1, end: int | None = None) -> Iterator[tuple[int, str]]:
        """The lines of prose from ``start`` to ``end``, both included, with their numbers."""
        for index in range(start - 1, len(self.lines) if end is None else end):
            if self.prose[index]:
                yield index + 1, self.lines[index]

    def is_empty(self, heading: Heading) -> bool:
        """Whether nothing stands under a heading; code and sub-headings are something."""
        return not any(
            self.lines[index].strip() and not self._comment(index)
            for index in range(heading.line, heading.end)
        )

    def _comment(self, index: int) -> bool:
        return not self.prose[index] and self.lines[index].lstrip().startswith("<!--")


def split_lines(text: str) -> list[str]:
    """The lines of a text without their ends; a leading BOM is left out."""
    return text.lstrip(BOM).replace("\r\n", "\n").replace("\r", "\n").split("\n")


def scan(text: str) -> Document:
    """Read a text once."""
    lines = split_lines(text)
    prose = [True] * len(lines)
    fence = ""
    comment = False
    opened: int | None = None
    for index, line in enumerate(lines):
        if comment:
            prose[index] = False
            comment = "-->" not in line
        elif fence:
            prose[index] = False
            if fence in line and _closes(line, fence):
                fence = ""
        elif "```" in line or "~~~" in line:
            match = _FENCE.match(line)
            if match and not (match[1][0] == "`" and "`" in match[2]):
                fence, prose[index], opened = match[1], False, index + 1
        elif "<!--" in line and line.lstrip().startswith("<!--"):
            prose[index], opened = False, index + 1
            comment = "-->" not in line
    return Document(lines, prose, opened if fence or comment else None)


def without_code(line: str) -> str:
    """A line with its code spans blanked, each as long as it was."""
    if "`" not in line:
        return line
    runs = [(match.start(), match.end()) for match in _BACKTICKS.finditer(line)]
    closing: dict[int, int] = {}  # by length, the next run of backticks that long
    partner = [0] * len(runs)
    for place in reversed(range(len(runs))):
        length = runs[place][1] - runs[place][0]
        partner[place] = closing.get(length, 0)
        closing[length] = place
    parts: list[str] = []
    done = place = 0
    while place < len(runs):
        if close := partner[place]:
            parts += [line[done : runs[place][0]], " " * (runs[close][1] - runs[place][0])]
            done, place = runs[close][1], close
        place += 1
    return "".join(parts) + line[done:]


def _closes(line: str, fence: str) -> bool:
    mark = line.strip().lstrip("> \t")
    return len(mark) >= len(fence) and not mark.strip(fence[0])


def _title(text: str) -> str:
    """The text of a heading, without closing ``#`` marks."""
    text = text.strip()
    bare = text.rstrip("#")
    return bare.rstrip() if bare != text and (not bare or bare[-1] in " \t") else text
