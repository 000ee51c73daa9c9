"""Cut a stream of bytes into chunks of whole lines."""

from __future__ import annotations

from typing import TypeAlias

Data: TypeAlias = "bytes | bytearray"

MAX_LINE_BYTES = 64 * 1024 * 1024


class LineCutter:
    """Takes bytes as they come, gives whole lines.

    Of a line longer than ``MAX_LINE_BYTES`` one byte more than that is kept, which is enough to see
    that it is too long; so an endless line needs no endless memory.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.ready_bytes = 0  # those at the buffer's begin that are whole lines
        self._skipping = False

    def feed(self, data: bytes) -> None:
        """Take what was read."""
        if self._skipping:
            end = data.find(b"\n")
            if end < 0:
                return
            data = data[end:]
            self._skipping = False
        last = data.rfind(b"\n")
        if last >= 0:
            self.ready_bytes = len(self._buffer) + last + 1
        self._buffer += data
        if len(self._buffer) - self.ready_bytes > MAX_LINE_BYTES:
            del self._buffer[self.ready_bytes + MAX_LINE_BYTES + 1 :]
            self._skipping = True

    def finish(self) -> None:
        """The input has ended: what is left is a line, too."""
        self.ready_bytes = len(self._buffer)

    def take(self) -> bytes:
        """All whole lines so far."""
        lines = bytes(memoryview(self._buffer)[: self.ready_bytes])
        del self._buffer[: self.ready_bytes]
        self.ready_bytes = 0
        return lines


def split_lines(chunk: Data) -> list[str | None]:
    """The lines of a chunk; None for one that is not UTF-8 or too long."""
    if chunk.endswith(b"\n"):
        chunk = chunk[:-1]
    if len(chunk) <= MAX_LINE_BYTES:
        try:
            return list(chunk.decode().split("\n"))
        except UnicodeDecodeError:
            pass  # find out below which lines are to blame
    return [_decoded(line) for line in chunk.split(b"\n")]


def _decoded(line: Data) -> str | None:
    try:
        return line.decode() if len(line) <= MAX_LINE_BYTES else None
    except UnicodeDecodeError:
        return None
