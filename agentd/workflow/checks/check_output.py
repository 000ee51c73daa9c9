"""What a check prints, as bounded plain text."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from agentd.late_pattern import late_pattern

_MAX_UTF8_BYTES = 4
LEFT_OUT = "[... the middle is left out ...]"
"""Stands in place of what was too long."""
# Escape sequences of terminals (ECMA-48): CSI, strings such as OSC up to their end, the rest.
_ESCAPES = late_pattern(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?"
)
_CONTROL = late_pattern(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(slots=True)
class Ends:
    """The beginning and the end of a stream that may be of any length, as plain text.

    ``max_chars`` is how much text is wanted of it in all.
    """

    max_chars: int
    head: bytearray = field(default_factory=bytearray)
    tail: deque[bytes] = field(default_factory=deque)
    tail_bytes: int = 0
    dropped_bytes: int = 0

    def add(self, data: bytes) -> None:
        """Take in what came next."""
        limit = self.max_chars * _MAX_UTF8_BYTES
        room = limit - len(self.head)
        self.head += data[:room]
        if rest := data[room:]:
            self.tail.append(rest)
            self.tail_bytes += len(rest)
        while self.tail and self.tail_bytes - len(self.tail[0]) >= limit:
            gone = len(self.tail.popleft())
            self.tail_bytes -= gone
            self.dropped_bytes += gone

    def text(self) -> str:
        """All of it where it fits, else a quarter from the beginning and the rest from the end."""
        head, tail = bytes(self.head), b"".join(self.tail)
        if not self.dropped_bytes:
            head = tail = head + tail
        first, last = (plain(end.decode("utf-8", "replace")) for end in (head, tail))
        if not self.dropped_bytes and len(first) <= self.max_chars:
            return first
        first_chars = self.max_chars // 4
        return f"{first[:first_chars]}\n{LEFT_OUT}\n{last[first_chars - self.max_chars :]}"


def plain(text: str) -> str:
    """Text without what only a terminal understands; of a progress bar, its last state."""
    lines = (line.rstrip("\r").rpartition("\r")[2] for line in _ESCAPES.sub("", text).split("\n"))
    return _CONTROL.sub("", "\n".join(lines))


def cut_to(text: str, max_chars: int) -> str:
    """The text as :meth:`Ends.text` would have it, were this all that is wanted of it."""
    ends = Ends(max_chars)
    ends.add(text.encode(errors="replace"))
    return ends.text()
