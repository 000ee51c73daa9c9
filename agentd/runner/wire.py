"""A run metered at the wire: the relay around it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentd.frozen import frozen
from agentd.meter.process import RelayProcess
from agentd.providers.pointing import Pointed, Pointing
from agentd.runner.stdout import Reading

AFTER_REFUSAL_S = (0.1, 0.1)
"""How long a CLI that lingers may take at its first signal, and at SIGTERM."""
_LINGER_S = 0.3


@frozen(kw_only=True)
class Relaying:
    """How a run is relayed: ``argv`` starts the relay, ``given`` are its settings for JSON."""

    pointing: Pointing
    argv: tuple[str, ...]
    given: Mapping[str, Any]


@frozen(kw_only=True)
class Relayed:
    """A run that has its relay."""

    process: RelayProcess
    pointed: Pointed


@dataclass(slots=True)
class AfterRefusal:
    """Notices a CLI that has told its failure, after a request was refused, and does not end.

    gemini takes a second for that, signals or not. ``relay`` None: a run without one.
    """

    relay: Relayed | None
    reading: Reading
    lingering: bool = False
    _events: int = 0
    _failed_at: float | None = None

    def lingers(self) -> bool:
        """Whether it is time to stop it."""
        if self.relay is None:
            return False
        if self.reading.events != self._events:
            self._events = self.reading.events
            parsed = self.reading.so_far(resumed=True)
            self._failed_at = time.monotonic() if parsed.complete and parsed.error else None
        if self._failed_at is None or time.monotonic() - self._failed_at < _LINGER_S:
            return False
        self.lingering = self.relay.process.has_refused()
        return self.lingering


@contextlib.contextmanager
def relayed(relaying: Relaying | None, run_dir: Path) -> Iterator[Relayed | None]:
    """The relay of a run for as long as it lasts; None for a run without one. Raises OSError."""
    if relaying is None:
        yield None
        return
    process = RelayProcess(
        relaying.argv, {**relaying.given, "upstream": relaying.pointing.upstream}, run_dir=run_dir
    )
    try:
        yield Relayed(process=process, pointed=relaying.pointing.at(process.url, run_dir))
    finally:
        process.leave()
