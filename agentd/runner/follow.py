"""Following a CLI that runs: until it ends, or has to be stopped."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from agentd.clock import monotonic_ms
from agentd.providers.activity import Watch
from agentd.runner.family import Family
from agentd.runner.interrupts import Interrupts
from agentd.runner.process import signal_group, start_token
from agentd.runner.run_relay import AfterRefusal, RunRelay
from agentd.runner.stdout import Reading
from agentd.runner.stop import LEFTOVERS, TICK_S, Stage, stop
from agentd.runner.used_so_far import Live, LiveRequests, Meter

_WATCH_MS = 200
_LOOK_S = 0.1
_FIRST_TICK_S = 0.001  # doubled up to TICK_S: a CLI that answers at once is not waited for


class StartedCli:
    """A CLI that was started: its process, its family, and what is read of its stdout.

    CLIs have launchers, such as npm's. When one is killed, the binary that it has started works on
    and counts as the CLI, until it has told its end or prints no more to stdout.
    """

    def __init__(
        self, process: subprocess.Popen[bytes], family: Family, reading: Reading, stdout: Path
    ) -> None:
        self.process, self.family = process, family
        self.token = start_token(process.pid)
        family.begun(process.pid, self.token)
        self._reading, self._stdout = reading, stdout
        self._outlived_launcher = False
        self._was_stopped = False
        self._due: float | None = 0.0

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None when nobody can tell: it had lost its launcher.

        A launcher that somebody else killed may also have been outlived without being seen so, by
        a binary that told its end.
        """
        somebody_killed = self.process.returncode < 0 and not self._was_stopped
        told_its_end = somebody_killed and self._reading.so_far(resumed=True).complete
        return None if self._outlived_launcher or told_its_end else self.process.returncode

    def works(self) -> bool:
        """Whether it has not ended yet."""
        if self.process.poll() is None:
            return True
        if self.process.returncode >= 0 or self._due is None:
            return False
        if time.monotonic() < self._due:
            return True
        if self._reading.so_far(resumed=True).complete or not self.family.works_on(self._stdout):
            self._due = None
            return False
        self._outlived_launcher = True
        self._due = time.monotonic() + _LOOK_S
        return True

    def stop(self, stages: tuple[Stage, ...], interrupts: Interrupts) -> None:
        """Stop it in these stages, while it is read on. What has left its group is ended later."""
        self._was_stopped = True
        self.family.look(now=True)
        self._go_through(stages, self._reading.pump, interrupts)

    def end_family(self, interrupts: Interrupts) -> None:
        """End what it has left running, while it is read on."""
        self._end_all(self._reading.pump, interrupts)
        self._reading.drain()

    def abandon(self, stages: tuple[Stage, ...], interrupts: Interrupts) -> None:
        """Stop it and end all that it has left; what it still prints is not read."""
        self._go_through(stages, _nothing, interrupts)
        self._end_all(_nothing, interrupts)

    def _go_through(
        self, stages: tuple[Stage, ...], pump: Callable[[], bool], interrupts: Interrupts
    ) -> None:
        send = partial(signal_group, self.process.pid)
        stop(stages, send=send, alive=self.works, pump=pump, pushes=interrupts.count)

    def _end_all(self, pump: Callable[[], bool], interrupts: Interrupts) -> None:
        send, alive = self.family.signal, self.family.lives
        stop(LEFTOVERS, send=send, alive=alive, pump=pump, pushes=interrupts.count)


def _nothing() -> bool:
    return False


def follow(
    cli: StartedCli,
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
    while cli.works():
        if interrupts.count():
            return "cancelled"
        if deadline is not None and time.monotonic() >= deadline:
            return "timeout"
        tell()
        cli.family.look()
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
