"""stderr and the terminal: what a person sees while a command works."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, TextIO

from agentd.text import plain

if TYPE_CHECKING:
    from agentd.reports.model import Style


def note(text: str) -> None:
    """Progress, a warning or an error, for a person; of control characters only line ends stay."""
    write_stderr(f"{plain(text)}\n")


def write_stderr(text: str) -> None:
    """Write as it is; that nobody can read stderr any more must not end a run."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):  # ValueError: it was closed
            sys.stderr.write(text)
            sys.stderr.flush()


def on_terminal(stream: TextIO | None) -> bool:
    """Whether a line can be rewritten in place there."""
    return stream is not None and stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def same_file() -> bool:
    """Whether stdout and stderr go to one place, as with ``2>&1`` or in the log of a CI job."""
    try:
        return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):  # closed, or not there
        return False


def width(stream: TextIO) -> int:
    """How many columns it has now; 0 where that is not known."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError, AttributeError):  # closed meanwhile
        return 0


def shows(stream: TextIO, signs: str) -> bool:
    """Whether its encoding has these signs."""
    try:
        signs.encode(stream.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def style_of(stream: TextIO) -> Style:
    """How a report looks there: bars, colours and a width only on a terminal."""
    from agentd.reports.model import SIGNS, Style

    drawn, columns = on_terminal(stream), os.environ.get("COLUMNS", "")
    wanted = int(columns) if columns.isdecimal() else 0
    return Style(
        bars=drawn,
        ascii=not shows(stream, SIGNS),
        color=drawn and not os.environ.get("NO_COLOR"),
        width=(wanted or width(stream)) if drawn else 0,
    )
