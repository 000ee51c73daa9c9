"""What guards start ends with each test."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentd.guard.end_watch import EndWatch


@pytest.fixture(autouse=True)
def _no_watch_outlives_its_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A guard that its test does not close would leave two processes until pytest ends."""
    watches = []
    begin = EndWatch.__init__

    def noted(watch: EndWatch, mark: Path) -> None:
        begin(watch, mark)
        watches.append(watch)

    monkeypatch.setattr(EndWatch, "__init__", noted)
    yield
    for watch in watches:
        if watch._process.poll() is None:
            os.killpg(watch._process.pid, signal.SIGKILL)  # it leads a session of its own
            watch._process.wait()
