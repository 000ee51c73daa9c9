"""Following a CLI that runs: until it ends, or has to be stopped."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Literal

from agentd.clock import monotonic_ms
from agentd.providers.activity import Watch
from agentd.runner.interrupts import Interrupts
from agentd.runner.run_relay import AfterRefusal, RunRelay
from agentd.runner.stdout import Reading
from agentd.runner.stop import TICK_S
from agentd.runner.used_so_far import Live, LiveRequests, Meter

_WATCH_MS = 200
_FIRST_TICK_S = 0.001  # doubled up to TICK_S: a CLI that answers at once is not waited for


def follow(
    process: subprocess.Popen[bytes],
    reading: Reading,
    live: Live,
    interrupts: Interrupts,
    *,
    meter: Meter | None,
    timeout_s: float | None,
    tell: Callable[[], None],
    relay: RunRelay | None,
    after_refusal: AfterRefusal,
) -> Literal["cancelled", "timeout", "budget_stopped"] | None:
    """Follow the CLI's output until it ends (None), or has to be stopped."""
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    pause_s = _FIRST_TICK_S
    while process.poll() is None:
        if interrupts.count():
            return "cancelled"
        if deadline is not None and time.monotonic() >= deadline:
            return "timeout"
        tell()
        if relay is not None:
            relay.process.tend()
        more = reading.pump()
        if after_refusal.lingers():
            return "budget_stopped"
        if meter is not None and not _is_metered(relay) and (usage := live.grown()) is not None:
            must_stop = meter(usage)
            if must_stop:
                return "budget_stopped"
            if must_stop is None:
                live.again()
        if not more:
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, TICK_S)
    return None


def _is_metered(relay: RunRelay | None) -> bool:
    """Whether requests pass the relay: then they are held to the budgets there, one by one."""
    return relay is not None and relay.at_wire and relay.process.has_metered()


def teller(
    watch: Watch | None,
    reading: Reading,
    requests: LiveRequests | None,
    *,
    began_ms: int,
    resumed: bool,
) -> Callable[..., None]:
    """Tells ``watch`` how the run goes, at most every _WATCH_MS, and at its end."""
    due_ms = began_ms

    def tell(*, last: bool = False) -> None:
        nonlocal due_ms
        now_ms = monotonic_ms()
        if watch is not None and (last or now_ms >= due_ms):
            seen = reading.seen(now_ms - began_ms, resumed=resumed)
            watch(requests.added_to(seen) if requests is not None else seen)
            due_ms = monotonic_ms() + _WATCH_MS

    return tell
