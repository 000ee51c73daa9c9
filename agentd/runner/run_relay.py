"""The relay of a run: what it is started with, and how long it lives."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentd.errors import StateError
from agentd.frozen import frozen
from agentd.meter.process import LeftRelay, RelayProcess
from agentd.meter.request_log import NAME as REQUESTS
from agentd.providers.pointing import Pointed, Pointing, Telling
from agentd.runner.run_folder import RunInfo
from agentd.runner.stdout import Reading

POINTED = "pointed.json"
"""The private file of a run's folder by which its CLI is pointed, for as long as it lasts."""
AFTER_REFUSAL_S = (0.1, 0.1)
"""How long a CLI that lingers may take at its first signal, and at SIGTERM."""
_LINGER_S = 0.3
_NETWORK = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS"),
)


@frozen(kw_only=True)
class RelayPlan:
    """What a run's relay is started with: ``argv``, and ``given``, its settings for JSON.

    At the wire where there is a ``pointing``, by the CLI's own telemetry where there is a
    ``telling``; with both the telemetry tells of threads alone. One of them is there.
    """

    pointing: Pointing | None
    telling: Telling | None
    argv: tuple[str, ...]
    given: Mapping[str, Any]


@frozen(kw_only=True)
class RunRelay:
    """The relay of a run, perhaps of one whose agentd is gone; ``at_wire``: requests pass it."""

    process: LeftRelay
    at_wire: bool


@frozen(kw_only=True)
class OwnRelay(RunRelay):
    """One that this process has started, and the run pointed at it."""

    process: RelayProcess
    pointed: Pointed


@dataclass(slots=True)
class AfterRefusal:
    """Notices a CLI that has told its failure, after a request was refused, and does not end.

    Some take a second for that, signals or not. ``relay`` None: a run without one.
    """

    relay: RunRelay | None
    reading: Reading
    lingering: bool = False
    _events: int = 0
    _failed_at: float | None = None

    def lingers(self) -> bool:
        """Whether it is time to stop it."""
        if self.relay is None or not self.relay.at_wire:
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
def relay_of_run(plan: RelayPlan | None, run: Pointed, run_dir: Path) -> Iterator[OwnRelay | None]:
    """The relay of ``run`` for as long as it lasts; None for a run without one.

    Raises StateError when it can't be started.
    """
    if plan is None:
        yield None
        return
    pointing, telling = plan.pointing, plan.telling
    own = pointing.environ if pointing else {}
    network = {name: value for name, value in own.items() if name.upper() in _NETWORK}
    try:
        process = RelayProcess(
            plan.argv,
            {**plan.given, "upstream": pointing.upstream if pointing else ""},
            run_dir=run_dir,
            environ={**os.environ, **network},
        )
    except OSError as error:
        raise StateError(
            f"the relay of the run can't be started ({error.strerror})",
            fix='Try again, or set wire = "off" in [meter] of agentd/config.toml.',
        ) from error
    file = run_dir / POINTED
    try:
        if pointing:
            run = pointing.at(process.url, file)
        if telling:
            run = telling.at(f"{process.url}/otlp", file, run)
        yield OwnRelay(process=process, pointed=run, at_wire=pointing is not None)
    finally:
        process.leave()


def relay_left_by(info: RunInfo, run_dir: Path) -> RunRelay | None:
    """The relay of a run whose agentd is gone; None for a run without one."""
    if not (info.relayed or info.told):
        return None
    return RunRelay(process=LeftRelay(run_dir / REQUESTS), at_wire=info.relayed)
