"""stderr and the terminal: what a person sees while a command works."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

from agentd.text import plain


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
