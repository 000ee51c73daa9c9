"""Stopping processes in stages that let a CLI report what it used."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from agentd.frozen import frozen

TICK_S = 0.02


@frozen()
class Stage:
    """A signal (None: none yet), and how long they may then take."""

    signal: int | None
    wait_s: float


# A child that outlives its CLI would keep spending or writing. The last wait is a bound: a
# process in uninterruptible sleep can't be killed.
LEFTOVERS = (Stage(None, 1.0), Stage(signal.SIGTERM, 1.0), Stage(signal.SIGKILL, 2.0))


def stop_stages(first_signal: int, stop_grace_s: float, term_grace_s: float) -> tuple[Stage, ...]:
    """The CLI's own signal first, which makes it report; then SIGTERM; then SIGKILL."""
    return (
        Stage(first_signal, stop_grace_s),
        Stage(signal.SIGTERM, term_grace_s),
        Stage(signal.SIGKILL, 5.0),
    )


def stop(
    stages: tuple[Stage, ...],
    *,
    send: Callable[[int], None],
    alive: Callable[[], bool],
    pump: Callable[[], bool],
    pushes: Callable[[], int] = lambda: 0,
) -> None:
    """Go through the stages until ``alive()`` is False, or the last one is over.

    ``send`` sends a stage's signal; SIGKILL again and again, for those that are born meanwhile.
    ``pump`` is called all the while, so that what the CLI still prints is read; it returns True
    when more is waiting. When ``pushes()`` grows, the next stage begins at once, for each by one.
    """
    pushed = pushes()
    for stage in stages:
        if not alive():
            return
        if stage.signal is not None:
            send(stage.signal)
        deadline = time.monotonic() + stage.wait_s
        while alive() and time.monotonic() < deadline and pushes() == pushed:
            if stage.signal == signal.SIGKILL:
                send(signal.SIGKILL)
            if not pump():
                time.sleep(TICK_S)
        pushed = min(pushes(), pushed + 1)  # one more may have come while a signal was sent
