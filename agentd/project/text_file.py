"""A document from disk: a plain file of UTF-8 text, bounded, or why it could not be read."""

from __future__ import annotations

import codecs
import os
import stat
from pathlib import Path

MAX_BYTES = 1_000_000
MAX_LINES = 20_000
MAX_LINE_BYTES = 20_000


def read_text(
    path: Path, max_bytes: int = MAX_BYTES, max_lines: int = MAX_LINES
) -> tuple[str, str]:
    """``("", text)`` of a file, or a code and why it is not read; line ends stay as they are.

    The limits on bytes, lines, and the bytes of one line keep all that follows within a second.
    """
    refused, data = _read(path, max_bytes + 1)
    if refused:
        return "unreadable", refused
    if reason := _too_large(data, max_bytes, max_lines):
        return "too-large", reason
    return _decoded(data)


def read_beginning(path: Path, max_bytes: int = MAX_BYTES) -> tuple[str, str, bool]:
    """The same of as many bytes as are allowed, however long the file is; and whether it ends."""
    refused, data = _read(path, max_bytes + 1)
    if refused:
        return "unreadable", refused, True
    return *_decoded(data[:max_bytes], is_all=len(data) <= max_bytes), len(data) <= max_bytes


def _read(path: Path, most: int) -> tuple[str, bytes]:
    """``("", data)``: its first bytes; or why it is not read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        reason = "is a symbolic link" if path.is_symlink() else f"cannot be read: {error.strerror}"
        return reason, b""
    with os.fdopen(fd, "rb") as handle:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return "is no regular file", b""
        return "", handle.read(most)


def _decoded(data: bytes, *, is_all: bool = True) -> tuple[str, str]:
    """The text; not ``is_all``: its last character may be cut, and is left out."""
    if b"\0" in data:
        return "not-text", "is no text: it holds NUL bytes"
    try:
        return "", codecs.getincrementaldecoder("utf-8")().decode(data, final=is_all)
    except UnicodeDecodeError as error:
        return "not-text", f"is not UTF-8 (byte {error.start})"


def _too_large(data: bytes, max_bytes: int, max_lines: int) -> str:
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if len(data) > max_bytes or len(lines) > max_lines:
        size = f"{MAX_BYTES // 1_000_000} MB and {MAX_LINES:,} lines"
        return f"is too large: the documents of a change have up to {size} together"
    longest = max(lines, key=len)
    if len(longest) > MAX_LINE_BYTES:
        return f"has a line of {len(longest):,} bytes (line {lines.index(longest) + 1})"
    return ""
