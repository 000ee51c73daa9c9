"""What a command is given: text as an argument, in a file or on stdin, and a model's name."""

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
        return checked_text(argument, "the argument")
    if file is not None and file != "-":
        return _decoded(_read(Path(file)), file)
    if file is None and (sys.stdin is None or sys.stdin.isatty()):
        raise UsageError("there is no text", fix="Give TEXT, --file PATH, or pipe it in.")
    return _decoded(sys.stdin.buffer.read(), "stdin")


def checked_text(argument: str, where: str) -> str:
    """An argument of the command line. Raises InputError when its bytes are not UTF-8."""
    return _decoded(argument.encode(errors="surrogateescape"), where)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: there is no such file", fix="Name an existing file, or - for stdin."
        ) from error
    except IsADirectoryError as error:
        raise InputError(f"{path}: is a folder", fix="Name a file, or - for stdin.") from error


def check_model(model: str) -> None:
    """Raise UsageError for an empty name, such as that of a shell variable that is not set."""
    if not model.strip():
        raise UsageError("--model is empty", fix="Name a model, such as gpt-4o.")


def _decoded(data: bytes, where: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{where}: not UTF-8 (byte {data[error.start]:#04x} at offset {error.start})",
            fix="Convert it first: iconv -f latin1 -t utf-8",
        ) from error
