"""What ``agentd --debug`` tells on stderr: nothing until it is asked for."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence

_asked = False


def ask() -> None:
    """Have it told from now on."""
    global _asked  # noqa: PLW0603 - as the level of a logger, but for free where none is asked for
    _asked = True


def asked() -> bool:
    """Whether anything is told."""
    return _asked


def tell(text: str) -> None:
    """A line on stderr, or several, without keys and passwords."""
    if _asked and sys.stderr is not None:
        from agentd.masking import masked
        from agentd.text import plain

        lines = masked(plain(text), os.environ).splitlines()
        with contextlib.suppress(OSError, ValueError):  # nobody reads stderr any more
            sys.stderr.write("".join(f"debug: {line}\n" for line in lines))


def tell_command(argv: Sequence[str], folder: object) -> None:
    """A command that is about to be started in ``folder``."""
    if _asked:
        import shlex

        from agentd.masking import MASK, masked_arguments

        # Before they are quoted: a quote within a password ends no word.
        words = masked_arguments(argv, os.environ)
        shown = " ".join(word if word == MASK else shlex.quote(word) for word in words)
        tell(f"runs in {folder}: {shown}")
