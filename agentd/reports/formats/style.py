"""What the place that a report is printed to can show."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

_SIGNS = "▁█▏…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """``bars``: a person looks at it, so draw. ``ascii``: only ASCII can be shown.

    ``color``: it obeys escape sequences. ``width`` is in columns; 0 means as wide as it gets.
    """

    bars: bool = False
    ascii: bool = False
    color: bool = False
    width: int = 0

    @classmethod
    def of(cls, stream: TextIO, environ: Mapping[str, str]) -> Style:
        """The style for a stream: bars, colours and a width only on a terminal."""
        terminal = stream.isatty() and environ.get("TERM", "dumb") != "dumb"
        return cls(
            bars=terminal,
            ascii=not _shows(stream.encoding, _SIGNS),
            color=terminal and not environ.get("NO_COLOR"),
            width=_width(stream, environ) if terminal else 0,
        )


def _shows(encoding: str | None, signs: str) -> bool:
    try:
        signs.encode(encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def _width(stream: TextIO, environ: Mapping[str, str]) -> int:
    columns = environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0
