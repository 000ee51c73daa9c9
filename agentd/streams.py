"""What a stream of text is: a terminal, and one with colours."""

from __future__ import annotations

import os
from typing import TextIO


def on_terminal(stream: TextIO | None) -> bool:
    """Whether a line can be rewritten in place there."""
    return stream is not None and stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def has_colors(stream: TextIO | None) -> bool:
    """Whether colours are shown there: not in a pipe, and not where NO_COLOR is set."""
    return on_terminal(stream) and not os.environ.get("NO_COLOR")
