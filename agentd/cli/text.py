"""Text that a command is given: as an argument, in a file, or on stdin."""

from __future__ import annotations

import sys
from pathlib import Path

from agentd.errors import InputError, UsageError


def read_text(argument: str | None, file: str | None) -> str:
    """The text of the one that is given, else stdin's; ``-`` as a file is stdin.

    Nothing is changed in it: line ends and a byte order mark stay. Raises InputError for what is
    not UTF-8, UsageError when both are given, or neither and stdin is a terminal.
    """
    if argument is not None and file is not None:
        raise UsageError("TEXT and --file exclude each other", fix="Give one of them.")
    if argument is not None:
        return _decoded(argument.encode(errors="surrogateescape"), "the argument")
    if file is not None and file != "-":
        return _decoded(Path(file).read_bytes(), file)
    if file is None and (sys.stdin is None or sys.stdin.isatty()):
        raise UsageError("there is no text", fix="Give TEXT, --file PATH, or pipe it in.")
    return _decoded(sys.stdin.buffer.read(), "stdin")


def _decoded(data: bytes, where: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{where}: not UTF-8 (byte {data[error.start]:#04x} at offset {error.start})",
            fix="Convert it first: iconv -f latin1 -t utf-8",
        ) from error
