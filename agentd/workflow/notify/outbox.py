"""Notices on their way: each is sent by a process of its own, and nothing waits for it."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

_SENDER = (sys.executable, "-P", "-m", "agentd.workflow.notify.send")
"""-P: no file of the project's folder is taken for a module."""


class Outbox:
    """The notices of a command. No error of theirs is one of the command."""

    def __init__(self) -> None:
        self._sending: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._problems: dict[str, None] = {}

    def send(self, url_env: str, body: bytes) -> None:
        """Begin to send ``body`` to the URL that stands in this variable of the environment."""
        if not os.environ.get(url_env):
            self._problems[f"{url_env} of [notify] is not set: nothing is sent"] = None
            return
        import subprocess  # most commands send nothing

        try:
            process = subprocess.Popen(
                [*_SENDER, url_env],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C and the end of a terminal are not for it
            )
        except OSError as error:
            self._problems[f"a notice was not sent: {error.strerror}"] = None
            return
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError), process.stdin as given:
            given.write(body)
        process.stdin = None  # else communicate() would flush it
        self._sending.append((url_env, process))

    def wait(self, note: Callable[[str], None], timeout_s: float = 1.0) -> None:
        """Give the notices this long in all, and tell what is known to have failed by then.

        One that takes longer goes on by itself.
        """
        import subprocess

        until = time.monotonic() + timeout_s
        for url_env, process in self._sending:
            with contextlib.suppress(subprocess.TimeoutExpired):
                told, _ = process.communicate(timeout=max(0.0, until - time.monotonic()))
                if why := told.decode(errors="replace").strip():
                    self._problems[f"a notice to {url_env} was not sent: {why}"] = None
        self._sending.clear()
        for problem in self._problems:
            note(f"warning: {problem}")
        self._problems.clear()
