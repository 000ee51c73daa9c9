"""Following a growing file of JSON lines in big chunks, in flat memory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from agentd.json_value import sound_text

CHUNK_BYTES = 1 << 18  # fits a processor's cache: twice as fast as 1 MiB
MAX_LINE_BYTES = 64 << 20
_DECODER = json.JSONDecoder(parse_float=Decimal)


class Tail:
    """Feeds the JSON objects of the lines that hold a marker; other lines are not decoded.

    A line longer than a chunk stays in the file until its end is there, and is read back only when
    it holds a marker. One longer than ``MAX_LINE_BYTES`` is skipped; ``too_long_bytes`` tells.
    ``saw_object`` says whether any line, marked or not, began like a JSON object.
    """

    def __init__(
        self, path: Path, markers: tuple[bytes, ...], feed: Callable[[Mapping[str, Any]], None]
    ) -> None:
        self.saw_object = False
        self.too_long_bytes = 0
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe there is not waited for
        self._markers = markers
        self._overlap = max(map(len, markers), default=1) - 1
        self._feed = feed
        self._offset = 0
        self._rest = b""  # the unfinished line; of a long one no more than a marker may begin in
        self._long_start: int | None = None
        self._long_marked = False

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    def pump(self) -> bool:
        """Take one chunk; True when more is probably waiting."""
        return self._read() == CHUNK_BYTES

    def drain(self) -> None:
        """Take what is there now, and no more: somebody may be writing without end."""
        size = self._size()
        while self._offset < size and self._read():
            pass

    def finish(self) -> None:
        """Take what is there now, and the last line even if it has no end."""
        self.drain()
        if self._long_start is not None:
            self._end_long(self._offset)
        elif any(marker in self._rest for marker in self._markers):
            self._decode(self._rest)
        self._rest = b""

    def _read(self) -> int:
        chunk = os.read(self._fd, CHUNK_BYTES)
        if chunk:
            self._offset += len(chunk)
            self._take(self._rest + chunk)
        else:
            self._size()
        return len(chunk)

    def _size(self) -> int:
        """The file's size. When it shrank, reading begins again.

        A child that opens /dev/stdout by name to write truncates the file behind it.
        """
        size = os.fstat(self._fd).st_size
        if size < self._offset:
            self._offset = os.lseek(self._fd, 0, os.SEEK_SET)
            self._rest, self._long_start, self._long_marked = b"", None, False
        return size

    def _take(self, data: bytes) -> None:
        begin = 0
        if self._long_start is not None:
            end = data.find(b"\n")
            self._note_marks(data if end < 0 else data[:end])
            if end < 0:
                self._rest = self._end_of(data)
                return
            begin = end + 1
            self._end_long(self._offset - len(data) + end)
        if not self.saw_object:
            self.saw_object = data.startswith(b"{", begin) or data.find(b"\n{", begin) >= 0
        stop = data.rfind(b"\n", begin) + 1 or begin
        self._scan(data, begin, stop)
        self._rest = data[stop:]
        if len(self._rest) > CHUNK_BYTES:
            self._long_start = self._offset - len(self._rest)
            self._note_marks(self._rest)
            self._rest = self._end_of(self._rest)

    def _scan(self, data: bytes, begin: int, stop: int) -> None:
        """Decode the lines with a marker between ``begin`` and ``stop``, which are line ends."""
        nearest = [data.find(marker, begin, stop) for marker in self._markers]
        while hits := [position for position in nearest if position >= 0]:
            hit = min(hits)
            start = data.rfind(b"\n", begin, hit) + 1 or begin
            end = data.find(b"\n", hit, stop)
            self._decode(data[start:end])
            nearest = [
                data.find(marker, end, stop) if 0 <= position < end else position
                for marker, position in zip(self._markers, nearest, strict=True)
            ]

    def _end_of(self, data: bytes) -> bytes:
        return data[max(0, len(data) - self._overlap) :]

    def _note_marks(self, data: bytes) -> None:
        self._long_marked = self._long_marked or any(marker in data for marker in self._markers)

    def _end_long(self, end: int) -> None:
        start, marked = self._long_start or 0, self._long_marked
        self._long_start, self._long_marked = None, False
        if not marked:
            return
        if end - start > MAX_LINE_BYTES:
            self.too_long_bytes = max(self.too_long_bytes, end - start)
        else:
            self._decode(os.pread(self._fd, end - start, start))

    def _decode(self, line: bytes) -> None:
        text = sound_text(line.decode("utf-8", errors="replace"))
        try:
            event, _ = _DECODER.raw_decode(text, text.find("{"))
        except (ValueError, ArithmeticError, RecursionError):
            return  # noise, a cut line, a number or a depth beyond reason
        if isinstance(event, dict):
            self._feed(event)
