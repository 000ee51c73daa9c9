"""A process that sends something to a server and goes on by itself; no step waits for it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

_PYTHON = (sys.executable, "-P", "-m")
"""-P: no file of the project's folder is taken for a module."""


def start_sending(
    sender: Sequence[str], body: bytes, *, is_heard: bool = False
) -> subprocess.Popen[bytes]:
    """Start the module ``sender``, which gets ``body`` on stdin, behind its arguments.

    ``is_heard``: its stdout can be read. Raises OSError where no process can be started.
    """
    import subprocess  # most commands send nothing

    process = subprocess.Popen(
        [*_PYTHON, *sender],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if is_heard else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C and the end of a terminal are not for it
    )
    assert process.stdin is not None
    with contextlib.suppress(BrokenPipeError), process.stdin as given:
        given.write(body)
    process.stdin = None  # else communicate() would flush it
    return process
