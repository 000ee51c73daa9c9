"""The block structure of Markdown, line by line: quotes, lists, fences, underlined headings.

It is CommonMark's, with what agentd needs of it. Text indented by four spaces is no code here:
models indent lists as they like.
"""

from __future__ import annotations

from enum import Enum, auto

from agentd.frozen import frozen
from agentd.late_pattern import late_pattern

_MARKS = ("```", "~~~")
_MAX_DEPTH = 100  # of quotes and lists in each other, which keeps the reading linear
_QUOTE = 0  # in the stack of containers; a list item is the column its content begins at
_ITEM = late_pattern(r"(?:[-+*]|(\d{1,9})[.)])(?= |$)")
_RULE = late_pattern(r"(?:(?:\* *){3,}|(?:- *){3,}|(?:_ *){3,})$")
_ATX = late_pattern(r"#{1,6}(?: |$)")
_UNDERLINE = late_pattern(r"(=+|-+) *$")


class Kind(Enum):
    """What a line is."""

    PROSE = auto()
    CODE = auto()
    COMMENT = auto()
    UNDERLINE = auto()  # of the heading above


@frozen()
class Fence:
    """An open block of code: its marks, such as ``~~~~``, its info string, how far it is indented.

    A line is given without the quotes and lists it stands in, its tabs as spaces.
    """

    marks: str
    info: str
    indent: int

    @classmethod
    def opened_by(cls, line: str) -> Fence | None:
        """The block that a line opens, however far it is indented: models indent as they like."""
        bare = line.lstrip(" ")
        if not bare.startswith(_MARKS):
            return None
        info = bare.lstrip(bare[0])
        if bare[0] == "`" and "`" in info:
            return None  # a code span
        return cls(bare[: len(bare) - len(info)], info.strip(), len(line) - len(bare))

    def closed_by(self, line: str) -> bool:
        """Whether a line ends the block: at least as many of its marks, and nothing else."""
        bare = line.strip(" ")
        if len(bare) < len(self.marks) or bare.strip(self.marks[0]):
            return False
        allowed = 3 if self.indent <= 3 else self.indent + 3
        return len(line) - len(line.lstrip(" ")) <= allowed


class Blocks:
    """The blocks that are open between two lines."""

    def __init__(self) -> None:
        self.fence: Fence | None = None
        self.in_comment = False
        self.starts_comment = False
        self._containers: list[int] = []
        self._paragraph = False
        self._title = ""  # the paragraph so far, while it may yet become a heading

    def read(self, line: str) -> Kind:
        """What the next line is; ``starts_comment`` says whether a comment is all it begins with.

        A comment that never ends lasts as long as what it stands in (``in_comment``).
        """
        self.starts_comment = False
        line = line.expandtabs(4) if "\t" in line else line
        if not self._containers and not self.fence and not self.in_comment and _is_plain(line):
            return self._text(line)
        inside, rest = self._continued(line)
        if inside == len(self._containers):
            if self.in_comment:
                return Kind.COMMENT
            if self.fence:
                self.fence = None if self.fence.closed_by(rest) else self.fence
                return Kind.CODE
        elif self.fence or self.in_comment:
            self.fence, self.in_comment = None, False
            self._end_paragraph()
        return self._opened(inside, rest)

    def _continued(self, line: str) -> tuple[int, str]:
        """How many of the open quotes and items a line continues, and what it holds in them."""
        for count, container in enumerate(self._containers):
            if container == _QUOTE:
                bare = line.lstrip(" ")
                if bare[:1] != ">" or len(line) - len(bare) > 3:
                    return count, line
                line = bare[1:].removeprefix(" ")
            elif line[:container].strip(" "):
                return count, line
            else:
                line = line[container:]
        return len(self._containers), line

    def _opened(self, inside: int, rest: str) -> Kind:
        """What a line that continues ``inside`` containers opens."""
        continues = inside == len(self._containers)
        opened: list[int] = []
        item = False
        while True:
            bare = rest.lstrip(" ")
            indent = len(rest) - len(bare)
            if indent > 3 or inside + len(opened) >= _MAX_DEPTH:
                break
            if bare[:1] == ">":
                opened.append(_QUOTE)
                rest = bare[1:].removeprefix(" ")
            elif width := _item_width(bare, within=self._paragraph and continues and not opened):
                opened.append(indent + width)
                rest = rest[indent + width :]
                item = True
            else:
                break
        text = bare if indent <= 3 else rest
        if not continues and not opened and self._paragraph and _is_text(text):
            self._title = ""
            return Kind.PROSE  # CommonMark's lazy continuation: the containers stay open
        if opened or not continues:
            self._containers[inside:] = opened
            self._end_paragraph()
        if fence := Fence.opened_by(rest):
            self.fence = fence
            self._end_paragraph()
            return Kind.CODE
        self.starts_comment = bare.startswith("<!--")
        if self.starts_comment:
            self._end_paragraph()
            return Kind.PROSE if item else Kind.COMMENT
        return self._text(text)

    def _text(self, line: str) -> Kind:
        """A line that opens nothing; it begins with a space only when it is indented by four."""
        underline = _UNDERLINE.match(line) if self._title and not self._containers else None
        # A shorter row of dashes is a rule: models put one under a paragraph.
        if underline and (line[0] == "=" or len(underline[1]) >= len(self._title)):
            self._end_paragraph()
            return Kind.UNDERLINE
        begins = not self._paragraph
        self._paragraph = _is_text(line) and not (begins and line[0] == " ")
        self._title = line.rstrip() if begins and self._paragraph else ""
        return Kind.PROSE

    def _end_paragraph(self) -> None:
        self._paragraph, self._title = False, ""


def _is_plain(line: str) -> bool:
    """Whether a line can open nothing, seen at its first letter."""
    return line[:1].isalpha()


def _is_text(bare: str) -> bool:
    """Whether a line may stand in a paragraph that others began."""
    return not (
        not bare.strip(" ")
        or (bare[0] == "#" and _ATX.match(bare))
        or (bare[0] in "*-_" and _RULE.match(bare))
        or bare.startswith("<!--")
        or Fence.opened_by(bare)
    )


def _item_width(bare: str, *, within: bool) -> int:
    """The columns up to a list item's content, 0 when the line begins none.

    Only an item that says something, and is number 1 if it has one, interrupts a paragraph.
    """
    match = _ITEM.match(bare)
    if not match or (bare[0] in "*-" and _RULE.match(bare)):
        return 0
    content = bare[match.end() :].lstrip(" ")
    if within and (not content or int(match[1] or 1) != 1):
        return 0
    gap = len(bare) - match.end() - len(content)
    return match.end() + (gap if content and gap <= 4 else 1)
