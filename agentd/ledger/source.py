"""A STATE.yaml's bytes and the text in them: byte order mark and CRLF are put back on writing."""

from __future__ import annotations

import re
from typing import NamedTuple

BOM = b"\xef\xbb\xbf"
# C1 controls, line breaks of YAML 1.1, a byte order mark inside, noncharacters.
_ODD = "[\x80-\x9f\u2028\u2029\ufeff\ufffe\uffff]"  # compiled for text beyond ASCII only
_ORDINARY = bytes([0x09, 0x0A, *range(0x20, 0x7F), *range(0x80, 0x100)])


class Malformed(ValueError):
    """A STATE.yaml that agentd must not touch: the line (from 1) and what is wrong there."""

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(f"line {line}: {problem}")
        self.line = line
        self.problem = problem


class Conflicted(Malformed):
    """One with merge-conflict markers."""


class Source(NamedTuple):
    """The text of a file without its byte order mark, with ``\\n`` where every line ends in CRLF.

    ``ordinary``: no control character but tabs is in it, so that patterns may vouch for its lines.
    """

    text: str
    bom: bool
    crlf: bool
    ordinary: bool

    def encode(self, text: str) -> bytes:
        """``text`` in the form of this file."""
        data = (text.replace("\n", "\r\n") if self.crlf else text).encode()
        return BOM + data if self.bom else data


def decode(data: bytes) -> Source:
    """Read a file's bytes. Raises Malformed when they are not UTF-8."""
    bom = data.startswith(BOM)
    if bom:
        data = data[len(BOM) :]
    crlf = b"\r" in data and data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r")
    if crlf:
        data = data.replace(b"\r\n", b"\n")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise Malformed(line, f"not UTF-8 (byte 0x{data[error.start]:02x})") from None
    ordinary = not data.translate(None, _ORDINARY)
    return Source(text, bom, crlf, ordinary and (text.isascii() or not re.search(_ODD, text)))
