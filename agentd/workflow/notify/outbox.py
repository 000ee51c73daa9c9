"""What is on its way to a server: a process of its own sends it, and nothing waits for that."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

_PYTHON = (sys.executable, "-P", "-m")
"""-P: no file of the project's folder is taken for a module."""


class Outbox:
    """What a command sends. No error of theirs is one of the command."""

    def __init__(self) -> None:
        self._sending: list[tuple[str, subprocess.Popen[bytes], bool]] = []
        self._problems: dict[str, None] = {}

    def send(self, url_env: str, body: bytes) -> None:
        """Begin to send ``body`` to the URL that stands in this variable of the environment."""
        if not os.environ.get(url_env):
            self._problems[f"{url_env} of [notify] is not set: nothing is sent"] = None
            return
        sender = ("agentd.workflow.notify.send", url_env)
        self.start(f"a notice to {url_env}", sender, body)

    def start(
        self, what: str, sender: Sequence[str], body: bytes, *, patience: bool = True
    ) -> None:
        """Begin to send ``body``: the module ``sender`` gets it on stdin, behind its arguments.

        It says on stdout why it was not sent; ``what`` is then told as the subject of that.
        Without ``patience``, ``wait`` gives it no time.
        """
        import subprocess  # most commands send nothing

        try:
            process = subprocess.Popen(
                [*_PYTHON, *sender],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C and the end of a terminal are not for it
            )
        except OSError as error:
            self._problems[f"{what} was not sent: {error.strerror}"] = None
            return
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError), process.stdin as given:
            given.write(body)
        process.stdin = None  # else communicate() would flush it
        self._sending.append((what, process, patience))

    def wait(self, note: Callable[[str], None], timeout_s: float = 1.0) -> None:
        """Give what is on its way this long in all, and tell what is known to have failed by then.

        One that takes longer goes on by itself.
        """
        import subprocess

        until = time.monotonic() + timeout_s
        for what, process, patience in self._sending:
            if not patience and process.poll() is None:
                continue
            with contextlib.suppress(subprocess.TimeoutExpired):
                told, _ = process.communicate(timeout=max(0.0, until - time.monotonic()))
                if why := told.decode(errors="replace").strip():
                    self._problems[f"{what} was not sent: {why}"] = None
        self._sending.clear()
        for problem in self._problems:
            note(f"warning: {problem}")
        self._problems.clear()
