"""An API's answer as it comes in: whole or cut, streamed or not, compressed or not."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from agentd.json_value import json_value
from agentd.metering.dialects.json_parts import JsonParts, Path
from agentd.metering.requests import ApiRequest

_LONG_EVENT_BYTES = 1 << 20  # a longer event is not decoded whole
_PIECE_BYTES = 1 << 18
_MAX_TEXT_CHARS = 4_000_000  # far above the output limit of any model


class AnswerReading(Protocol):
    """One dialect's reading of one answer."""

    wanted: tuple[Path, ...]
    """Where the values stand that count, in an event and in an answer that is not streamed."""
    every: tuple[Path, ...]
    """Where several values count, in an answer that is not streamed."""

    def event(self, event: Mapping[str, Any]) -> str:
        """Take an event of a stream; returns the text that it adds to the answer."""

    def whole(self, answer: Mapping[str, Any]) -> None:
        """Take an answer that is not streamed, with its wanted values at least."""

    @property
    def ended(self) -> bool:
        """Whether the API has told the final usage."""

    def requests(self) -> list[ApiRequest]:
        """What is known so far: the request, and those that the API made inside of it."""


class Answer:
    """Reads one answer block by block; memory does not grow with its size.

    ``content_encoding`` is the header's value. An encoding other than gzip, deflate and identity
    can't be read: then nothing is known of the answer. ``is_stream``: it comes as server-sent
    events. Its first character tells that: a server may call either of them what it likes.
    """

    def __init__(self, reading: AnswerReading, content_encoding: str = "") -> None:
        self._reading = reading
        self._decode = _decoder(content_encoding)
        self.is_stream = False
        self._has_begun = self._after_cr = False
        self._parts = JsonParts(reading.wanted, reading.every)
        self._line = bytearray()
        self._lines = bytearray()  # of an event whose data is on several lines
        self._texts: list[str] = []
        self._chars = 0

    def feed(self, data: bytes) -> None:
        """Take the next block of the body."""
        for piece in self._decode(data):
            text = piece if self._has_begun else self._begin(piece)
            if self.is_stream:
                self._stream(text)
            else:
                self._parts.feed(text)

    def end(self) -> None:
        """Nothing more comes: an event that has no empty line after it counts if it is whole."""
        if self.is_stream:
            self._end_line()
            self._end_event()

    @property
    def has_ended(self) -> bool:
        """Whether a stream has told the final usage."""
        return self.is_stream and self._reading.ended

    def requests(self) -> list[ApiRequest]:
        """What is known so far; may be called at any time, and again."""
        if not self.is_stream:
            self._reading.whole(self._parts.document())
        return self._reading.requests()

    def text(self) -> str:
        """The text that came in a stream, thoughts and tool arguments included."""
        return "".join(self._texts)

    def _begin(self, data: bytes) -> bytes:
        """The answer from its first character on, which is not a space or a byte order mark."""
        text = data.lstrip(b" \t\r\n\xef\xbb\xbf")
        self._has_begun = bool(text)
        self.is_stream = self._has_begun and text[:1] not in (b"{", b"[")
        return text

    def _stream(self, data: bytes) -> None:
        """Server-sent events, nearly all of which are one line ``data: {...}`` at these APIs."""
        if self._after_cr and data:
            data, self._after_cr = data.removeprefix(b"\n"), False
        if b"\r" in data:  # a line may end with CR, LF or both
            self._after_cr = data.endswith(b"\r")
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        start = 0
        while (end := data.find(b"\n", start)) >= 0:
            self._add(data[start:end])
            self._end_line()
            start = end + 1
        self._add(data[start:])

    def _add(self, piece: bytes) -> None:
        if len(self._line) <= _LONG_EVENT_BYTES:
            self._line += piece
            if len(self._line) > _LONG_EVENT_BYTES:
                self._parts = JsonParts(self._reading.wanted)
                self._parts.feed(bytes(self._line).removeprefix(b"data:"))
        else:
            self._parts.feed(piece)

    def _end_line(self) -> None:
        line, self._line = self._line, bytearray()
        if not line:
            self._end_event()
        if not line.startswith(b"data:"):
            return
        if len(line) > _LONG_EVENT_BYTES:
            self._take(self._parts.document())
        elif not self._lines and self._take(_json(line[5:])):
            pass
        elif len(self._lines) <= _LONG_EVENT_BYTES:
            self._lines += line[5:] + b"\n"

    def _end_event(self) -> None:
        lines, self._lines = self._lines, bytearray()
        if lines:
            self._take(_json(lines))

    def _take(self, event: object) -> bool:
        if isinstance(event, dict):
            self._note(self._reading.event(event))
        return isinstance(event, dict)

    def _note(self, text: str) -> None:
        if text and self._chars < _MAX_TEXT_CHARS:
            self._texts.append(text)
            self._chars += len(text)


def _json(text: bytes | bytearray) -> object:
    try:
        return json_value(bytes(text))
    except ValueError:
        return None  # a part of an event, [DONE], or no event of these APIs


def decoded(body: bytes, content_encoding: str) -> bytes:
    """A whole body without its encoding; b"" for one that can't be read."""
    return b"".join(_decoder(content_encoding)(body))


def _decoder(content_encoding: str) -> Callable[[bytes], Iterable[bytes]]:
    encoding = content_encoding.strip().lower()
    if encoding in ("", "identity"):
        return lambda data: (data,)
    if encoding in ("gzip", "x-gzip", "deflate"):
        return _Inflate().pieces
    return lambda _: ()


class _Inflate:
    """gzip, also of several members, and deflate with or without the zlib header."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._begun = self._broken = False

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What is in the next block, a piece of bounded size at a time."""
        while data and not self._broken:
            try:
                yield self._stream.decompress(data, _PIECE_BYTES)
            except zlib.error:
                self._broken = self._begun
                self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
                self._begun = True
                continue
            self._begun = True
            data = self._stream.unconsumed_tail
            if self._stream.eof:
                data = self._stream.unused_data
                self._stream = zlib.decompressobj(zlib.MAX_WBITS | 32)
