"""The lines that open and close a block of code."""

from __future__ import annotations

from agentd.frozen import frozen

_MARKS = ("```", "~~~")


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
