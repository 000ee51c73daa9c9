"""What is on its way to a server: a process of its own sends it, and nothing waits for that."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from agentd.workflow.sending import start_sending

if TYPE_CHECKING:
    import subprocess


class Outbox:
    """What a command sends. No error of theirs is one of the command."""

    def __init__(self) -> None:
        self._sending: list[tuple[str, subprocess.Popen[bytes]]] = []
        self._problems: dict[str, None] = {}

    def send(self, url_env: str, body: bytes) -> None:
        """Begin to send ``body`` to the URL that stands in this variable of the environment."""
        if not os.environ.get(url_env):
            self._problems[f"{url_env} of [notify] is not set: nothing is sent"] = None
            return
        what, sender = f"a notice to {url_env}", ("agentd.workflow.notify.send", url_env)
        try:
            self._sending.append((what, start_sending(sender, body, is_heard=True)))
        except OSError as error:
            self._problems[f"{what} was not sent: {error.strerror}"] = None

    def wait(self, note: Callable[[str], None], timeout_s: float = 1.0) -> None:
        """Give what is on its way this long in all, and tell what is known to have failed by then.

        One that takes longer goes on by itself.
        """
        import subprocess

        until = time.monotonic() + timeout_s
        for what, process in self._sending:
            with contextlib.suppress(subprocess.TimeoutExpired):
                told, _ = process.communicate(timeout=max(0.0, until - time.monotonic()))
                if why := told.decode(errors="replace").strip():
                    self._problems[f"{what} was not sent: {why}"] = None
        self._sending.clear()
        for problem in self._problems:
            note(f"warning: {problem}")
        self._problems.clear()
