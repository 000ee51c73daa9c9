"""Following a CLI that runs: until it ends, or has to be stopped."""

from __future__ import annotations

import os
import select
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from agentd.clock import monotonic_ms
from agentd.metering.usage import UsageMetrics
from agentd.providers.activity import Watch
from agentd.runner.family import Family, family_of, pause_after
from agentd.runner.interrupts import Interrupts
from agentd.runner.process import is_same, signal_group, start_token
from agentd.runner.run_folder import RunFolder, RunInfo
from agentd.runner.run_relay import AfterRefusal, RunRelay
from agentd.runner.stdout import Reading
from agentd.runner.stop import LEFTOVERS, TICK_S, Stage, stop
from agentd.runner.used_so_far import Live, LiveRequests, Meter

_WATCH_MS = 200
_LOOK_S = 0.1
_QUIET_S = 2.0
_NOT_SEEN_TO_END = "a process of it stayed after its report, and was not seen to end"
_FIRST_TICK_S = 0.001  # doubled up to TICK_S: a CLI that answers at once is not waited for


class _Cli(ABC):
    """A CLI at work: its family, and what is read of its stdout.

    CLIs have launchers, such as npm's. When one is killed, the binary that it has started works on
    and counts as the CLI: until it prints no more to stdout, or has told its end and printed
    nothing for a while after that. ``unsure`` then says that it was not seen to end.
    """

    def __init__(self, family: Family, reading: Reading, stdout: Path) -> None:
        self.family = family
        self.unsure: str | None = None
        self._reading, self._stdout = reading, stdout
        self._outlived_launcher = False
        self._was_stopped = False
        self._due: float | None = 0.0
        self._quiet: tuple[int, float] | None = None

    @property
    @abstractmethod
    def exit_code(self) -> int | None:
        """What it ended with; None when nobody can tell."""

    def works(self) -> bool:
        """Whether it has not ended yet."""
        if self._lives():
            return True
        if self._due is None or not self._may_be_outlived():
            return False
        if time.monotonic() < self._due:
            return True
        began = time.thread_time()
        prints = self.family.works_on(self._stdout)
        if not prints or self._has_told_its_end():
            self.unsure = _NOT_SEEN_TO_END if prints and not self._was_stopped else None
            self._due = None
            return False
        self._outlived_launcher = True
        self._due = time.monotonic() + pause_after(time.thread_time() - began, _LOOK_S)
        return True

    def pause(self, seconds: float) -> None:
        """Wait as long, or until it is seen to end."""
        time.sleep(seconds)

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

    @abstractmethod
    def _lives(self) -> bool:
        """Whether the process that was started as the CLI is there."""

    @abstractmethod
    def _may_be_outlived(self) -> bool:
        """Whether that process, now that it is gone, may have been a launcher."""

    @abstractmethod
    def _send(self, number: int) -> None:
        """Send a signal to the CLI's process group."""

    def _has_told_its_end(self) -> bool:
        """Whether it has, and has printed nothing since for _QUIET_S: it may begin anew."""
        if not self._reading.so_far(resumed=True).complete:
            return False
        if self._was_stopped:
            return True
        if self._quiet is None or self._quiet[0] != self._reading.events:
            self._quiet = (self._reading.events, time.monotonic())
        return time.monotonic() - self._quiet[1] >= _QUIET_S

    def _go_through(
        self, stages: tuple[Stage, ...], pump: Callable[[], bool], interrupts: Interrupts
    ) -> None:
        stop(stages, send=self._send, alive=self.works, pump=pump, pushes=interrupts.count)

    def _end_all(self, pump: Callable[[], bool], interrupts: Interrupts) -> None:
        send, alive = self.family.signal, self.family.lives
        stop(LEFTOVERS, send=send, alive=alive, pump=pump, pushes=interrupts.count)


class StartedCli(_Cli):
    """A CLI that this process has started."""

    def __init__(
        self, process: subprocess.Popen[bytes], family: Family, reading: Reading, stdout: Path
    ) -> None:
        super().__init__(family, reading, stdout)
        self._process = process
        self.token = start_token(process.pid)
        self._end = _pidfd(process.pid)
        family.begun(process.pid, self.token, just_now=True)

    @property
    def exit_code(self) -> int | None:
        """What it ended with; None when nobody can tell: it had lost its launcher.

        A launcher that somebody else killed may also have been outlived without being seen so, by
        a binary that told its end.
        """
        somebody_killed = self._process.returncode < 0 and not self._was_stopped
        told_its_end = somebody_killed and self._reading.so_far(resumed=True).complete
        return None if self._outlived_launcher or told_its_end else self._process.returncode

    def pause(self, seconds: float) -> None:
        """Wait as long, or until the process that was started ends."""
        if self._end is None:
            super().pause(seconds)
        else:
            end = select.poll()
            end.register(self._end, select.POLLIN)
            end.poll(seconds * 1000)

    def _lives(self) -> bool:
        lives = self._process.poll() is None
        if not lives and self._end is not None:
            os.close(self._end)
            self._end = None
        return lives

    def _may_be_outlived(self) -> bool:
        return self._process.returncode < 0

    def _send(self, number: int) -> None:
        signal_group(self._process.pid, number)


class LeftCli(_Cli):
    """A CLI that an agentd has started which is gone; nobody sees what it ends with."""

    def __init__(self, info: RunInfo, folder: RunFolder, reading: Reading) -> None:
        super().__init__(family_of(folder, info), reading, folder.stdout)
        self._pid, self._token = info.cli_pid, info.cli_token

    @property
    def exit_code(self) -> None:
        """Nobody can tell."""

    def attended_by_us(self, info: RunInfo) -> RunInfo:
        """The run's description, with this process as its agentd."""
        own = os.getpid()
        if info.cli_pid is None and (members := self.family.members()):
            info = replace(info, cli_pid=members[0].pid, cli_token=members[0].token)
        return replace(info, agentd_pid=own, agentd_token=start_token(own))

    def _lives(self) -> bool:
        return is_same(self._pid, self._token)

    def _may_be_outlived(self) -> bool:
        return True

    def _send(self, number: int) -> None:
        """To the CLI's group where it still has one of the run's processes, else to all of them."""
        groups = {process.group for process in self.family.members()}
        if self._pid in groups:
            signal_group(self._pid, number)
        else:
            self.family.signal(number)


def _pidfd(pid: int) -> int | None:
    """What can be read once the process has ended; None where the system can't tell."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # not Linux, or one before 5.3
        return None


def _nothing() -> bool:
    return False


def follow(
    cli: StartedCli | LeftCli,
    reading: Reading,
    live: Live,
    interrupts: Interrupts,
    *,
    meter: Meter | None,
    deadline_ms: float | None,
    tell: Callable[[], None],
    relay: RunRelay | None,
    after_refusal: AfterRefusal,
) -> Literal["cancelled", "timeout", "budget_stopped"] | None:
    """Follow the CLI's output until it ends (None), or has to be stopped."""
    pause_s = _FIRST_TICK_S
    while cli.works():
        if interrupts.count():
            return "cancelled"
        if deadline_ms is not None and monotonic_ms() >= deadline_ms:
            return "timeout"
        tell()
        cli.family.look()
        if relay is not None:
            relay.process.tend()
        more = reading.pump()
        if after_refusal.lingers():
            return "budget_stopped"
        if meter is not None and (usage := _used(live, relay)) is not None:
            must_stop = meter(usage)
            if must_stop:
                return "budget_stopped"
            if must_stop is None:
                live.again()
        if not more:
            cli.pause(pause_s)
            pause_s = min(2 * pause_s, TICK_S)
    return None


def _used(live: Live, relay: RunRelay | None) -> UsageMetrics | None:
    """What a budget is to be told now: a relay holds a run to it, but not within a request."""
    grown = None if _is_metered(relay) else live.grown()
    return grown or live.answering()


def _is_metered(relay: RunRelay | None) -> bool:
    """Whether requests pass the relay: then they are held to the budgets there, one by one."""
    return relay is not None and relay.at_wire and relay.process.has_metered()


def teller(
    watch: Watch | None,
    reading: Reading,
    live: Live,
    requests: LiveRequests | None,
    *,
    began_ms: int,
    resumed: bool,
    relay: RunRelay | None,
) -> Callable[..., None]:
    """Tells ``watch`` how the run goes, at most every _WATCH_MS, and at its end.

    The session log is not read for that where the relay sees each request.
    """
    due_ms = began_ms

    def tell(*, last: bool = False) -> None:
        nonlocal due_ms
        now_ms = monotonic_ms()
        if watch is not None and (last or now_ms >= due_ms):
            seen = reading.seen(now_ms - began_ms, resumed=resumed)
            if not _is_metered(relay):
                seen = live.added_to(seen)
            watch(requests.added_to(seen) if requests is not None else seen)
            due_ms = monotonic_ms() + _WATCH_MS

    return tell
