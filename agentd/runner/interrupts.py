"""Ctrl-C and its like as a count, for as long as a CLI runs."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Counts SIGINT, SIGTERM, SIGHUP and calls of :meth:`push`; a context manager.

    Signals are caught in the main thread only, and the handlers that were there come back at the
    end. A signal that was ignored before (nohup, a shell's background job) does not count; it is
    caught all the same, since a started program inherits ignored signals, but not caught ones.
    """

    def __init__(self) -> None:
        self._pushes: list[int] = []
        self._before: dict[signal.Signals, Any] = {}

    def count(self) -> int:
        """How often somebody asked to stop."""
        return len(self._pushes)

    def push(self) -> None:
        """Ask to stop; safe in a signal handler and from any thread."""
        self._pushes.append(1)

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in _SIGNALS:
                before = signal.getsignal(number)
                if before is not None:  # None: set by C code, which signal() can't bring back
                    self._before[number] = before
                    signal.signal(number, self._handle)
        return self

    def __exit__(self, *exc_info: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._before[signal.Signals(number)] is not signal.SIG_IGN:
            self.push()
