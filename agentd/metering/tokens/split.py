"""Text to pieces: the split patterns of tiktoken, with the Unicode tables that tiktoken has.

``\\p{L}`` is another set with each version of Unicode: `regex` of November 2026 knows 17,000
letters that tiktoken 0.14 (Unicode 16.0) doesn't. So each character is first written as one byte
that stands for its class, by a table of our own, and the patterns are about these bytes.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from pathlib import Path

# From each code point on, up to the next line's, a class: Lu (with Lt), Ll, Lo (with Lm), M, N, Z
# (White_Space) or - (any other). It begins at U+0080.
_RUNS = Path(__file__).parent / "data" / "unicode-16.0.txt"

# The byte that stands for a class. ASCII stands for itself, so the others must be told from it only
# where a pattern does: a letter like "a", never one of a contraction like "'s".
_STAND_IN = {"Lu": b"A", "Ll": b"a", "Lo": b"\x80", "M": b"\x81", "N": b"0", "Z": b"\t", "-": b"!"}
_LONG_S = 0x17F  # ſ is an s to (?i:'s)
_LONG_S_BYTE = 0x82

_LETTER = rb"A-Za-z\x80\x82"
_UPPER = rb"[A-Z\x80\x81]"
_LOWER = rb"[a-z\x80-\x82]"
_SPACE = rb"\t-\r "
_CONTRACTION = rb"'(?:[sStTmMdD\x82]|[rRvV][eE]|[lL][lL])"

# From tiktoken_ext/openai_public.py (0.14); ``\Z`` is what ``$`` means in Rust.
PATTERNS = {
    "cl100k_base": b"|".join(
        (
            _CONTRACTION,
            rb"[^\r\n0-9%b]?+[%b]++" % (_LETTER, _LETTER),
            rb"[0-9]{1,3}+",
            rb" ?[^0-9%b%b]++[\r\n]*+" % (_SPACE, _LETTER),
            rb"[%b]++\Z" % _SPACE,
            rb"[%b]*[\r\n]" % _SPACE,
            rb"[%b]+(?![^%b])" % (_SPACE, _SPACE),
            rb"[%b]" % _SPACE,
        )
    ),
    "o200k_base": b"|".join(
        (
            rb"[^\r\n0-9%b]?%b*%b+(?:%b)?" % (_LETTER, _UPPER, _LOWER, _CONTRACTION),
            rb"[^\r\n0-9%b]?%b+%b*(?:%b)?" % (_LETTER, _UPPER, _LOWER, _CONTRACTION),
            rb"[0-9]{1,3}",
            rb" ?[^0-9%b%b]+[\r\n/]*" % (_SPACE, _LETTER),
            rb"[%b]*[\r\n]+" % _SPACE,
            rb"[%b]+(?![^%b])" % (_SPACE, _SPACE),
            rb"[%b]+" % _SPACE,
        )
    ),
}


class Splitter:
    """Splits text as the encoding ``name`` does."""

    def __init__(self, name: str) -> None:
        self._pattern = re.compile(PATTERNS[name])

    def pieces(self, text: str) -> Iterator[bytes]:
        """The pieces in UTF-8, in order; together they are the text, without lone surrogates."""
        if text.isascii():
            yield from (match[0] for match in self._pattern.finditer(text.encode()))
            return
        text = _well_formed(text)
        for match in self._pattern.finditer(classes(text)):
            start, end = match.span()
            yield text[start:end].encode()


def classes(text: str) -> bytes:
    """A byte for each character, which stands for its class."""
    return text.translate(_table()).encode("latin-1")


def _well_formed(text: str) -> str:
    """The text with U+FFFD for each lone surrogate, and whole pairs joined, as in tiktoken."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class _Table(dict[int, int]):
    """Code point to the byte of its class; looked up once each."""

    def __init__(self) -> None:
        super().__init__({code: code for code in range(0x80)})
        runs = [line.split() for line in _RUNS.read_text("ascii").splitlines()]
        self._starts = [int(start, 16) for start, _ in runs]
        self._bytes = [_STAND_IN[name][0] for _, name in runs]
        self[_LONG_S] = _LONG_S_BYTE

    def __missing__(self, code: int) -> int:
        byte = self._bytes[bisect_right(self._starts, code) - 1]
        self[code] = byte
        return byte


@cache
def _table() -> _Table:
    return _Table()
