"""A spec as lines and headings, as OpenSpec cuts it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from agentd.frozen import frozen
from agentd.late_pattern import late_pattern
from agentd.markdown.openspec import SPACES, code_lines

# JavaScript's \s, and what its `.` leaves out, so that both tools cut a name alike.
SPACE = f"[{SPACES}]"
ANY = "[^\n\r\u2028\u2029]"
_TITLE = late_pattern(rf"(#{{1,6}}){SPACE}+({ANY}+)\Z")
_BORDER = late_pattern(rf"(#{{1,6}}){SPACE}")
_NEWLINE = late_pattern(r"\r\n?")


def normalized(text: str) -> str:
    """``text`` without a byte order mark, its lines ended by a line feed."""
    return _NEWLINE.sub("\n", text.removeprefix("\ufeff"))


def open_heading(text: str) -> str:
    """A heading's text without a closing run of ``#`` (``Name ##``), trimmed; ``C#`` stays."""
    stripped = text.rstrip(" \t")
    opened = stripped.rstrip("#")
    if opened != stripped and opened.endswith((" ", "\t")):
        return opened.strip(SPACES)
    return text.strip(SPACES)


@frozen()
class Heading:
    """A heading outside fences: ``index`` counts lines from 0, ``level`` is 1 to 6."""

    index: int
    level: int
    title: str


@frozen(slots=False)
class Lines:
    """A document's lines. ``text`` is expected to be :func:`normalized`."""

    text: str

    @cached_property
    def all(self) -> list[str]:
        """The lines, without their ends."""
        return self.text.split("\n")

    @cached_property
    def fenced(self) -> bytearray:
        """One byte a line: 1 for a line of a fenced block of code."""
        return code_lines(self.all)

    @cached_property
    def marks(self) -> list[int]:
        """The indexes of the lines outside fences that begin with ``#``."""
        fenced = self.fenced
        return [i for i, line in enumerate(self.all) if line[:1] == "#" and not fenced[i]]

    @cached_property
    def headings(self) -> list[Heading]:
        """The headings outside fences."""
        found = ((i, _TITLE.match(self.all[i])) for i in self.marks)
        return [Heading(i, len(m[1]), m[2].strip(SPACES)) for i, m in found if m]

    @cached_property
    def borders(self) -> list[tuple[int, int]]:
        """Where text under a heading ends: index and level of headings, those without title too."""
        found = ((i, _BORDER.match(self.all[i])) for i in self.marks)
        return [(i, len(m[1])) for i, m in found if m]

    def unfenced(self, start: int, end: int) -> Iterator[tuple[int, str]]:
        """The lines of a range outside fences, with their indexes."""
        for index in range(start, end):
            if not self.fenced[index]:
                yield index, self.all[index]

    def slice(self, start: int, end: int) -> str:
        """The text of a range of lines."""
        return "\n".join(self.all[start:end])
