"""How a step goes on after a failed run: a pure decision, and the one place that sleeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from agentd.clock import iso
from agentd.config.model import WorkflowConfig
from agentd.providers.failure import Failure, Reason

LONGEST_BACKOFF_S = 300.0
RESET_MARGIN = timedelta(seconds=5)  # the provider's clock is not ours
_TICK_S = 30.0
_LATER = "Run the command again later, or name other providers in workflow.fallback."
_ADVICE: dict[Reason, str] = {
    "auth": "Log in to {provider}, or give it a valid key and credit.",
    "refused": "The same request would be refused again; its message says what to change.",
    "timeout": "Raise the time limit (workflow.step_timeout_secs, or timeout_secs of an "
    "[http.NAME]) if the step needs more time.",
    "budget": "This limit stands in the settings or arguments of {provider}.",
    "network": "See whether {provider} can reach its API, then run the command again.",
}
Attempts = Sequence[tuple[str, Failure]]
"""One step's failed runs, (provider, why) in order, at least one."""


class NextTry(NamedTuple):
    """With which provider a step goes on, and when; ``told`` says so to a person."""

    provider: str
    at: datetime
    told: str
    fresh_session: bool = False


def next_try(
    attempts: Attempts, settings: WorkflowConfig, *, wait: bool, now: datetime
) -> NextTry | None:
    """What follows on ``attempts``; None when there is nothing left to try.

    What can pass later is tried again after a pause that doubles, at most
    ``settings.script_retries`` times per provider; a longer rate limit is slept through only with
    ``wait``. Then, and after every other failure but a budget's, the next provider of
    ``settings.fallback`` that was not tried has its turn.
    """
    again = _again(attempts, settings, wait, now)
    if again is not None or attempts[-1][1].reason == "budget":
        return again
    tried = {name for name, _ in attempts}
    left = [name for name in settings.fallback if name not in tried]
    return NextTry(left[0], now, f"going on with {left[0]}", fresh_session=True) if left else None


def sleep_until(
    moment: datetime, *, clock: Callable[[], datetime], sleep: Callable[[float], None]
) -> None:
    """Sleep by the clock: a suspended machine wakes up in time."""
    while (left_s := (moment - clock()).total_seconds()) > 0:
        sleep(min(left_s, _TICK_S))


def advice(attempts: Attempts) -> str:
    """What a person can do; of several rate limits the one that is lifted first counts."""
    last = dict(attempts)
    resets = [(why.resets_at, name) for name, why in last.items() if why.resets_at is not None]
    if resets:
        moment, name = min(resets)
        return f"The rate limit of {name} is lifted at {iso(moment)}; --wait sleeps until then."
    provider, failure = attempts[-1]
    return _ADVICE.get(failure.reason, _LATER).format(provider=provider)


def _again(
    attempts: Attempts, settings: WorkflowConfig, wait: bool, now: datetime
) -> NextTry | None:
    """The same provider once more, where that makes sense."""
    provider, failure = attempts[-1]
    own = [why.reason for name, why in attempts if name == provider]
    if failure.reason == "unknown_session":
        first = own.count("unknown_session") == 1
        return NextTry(provider, now, "beginning a new session", True) if first else None
    if not failure.passes_later:
        return None
    longest_s = max(LONGEST_BACKOFF_S, settings.retry_delay_secs)
    lifted = now if failure.resets_at is None else failure.resets_at + RESET_MARGIN
    if (lifted - now).total_seconds() > longest_s:
        told = "waiting until the rate limit is lifted"
        return NextTry(provider, lifted, told) if wait else None
    failed = sum(reason != "unknown_session" for reason in own)
    if failed > settings.script_retries:
        return None
    pause_s = min(settings.retry_delay_secs * 2.0 ** min(failed - 1, 30), longest_s)
    at = max(now + timedelta(seconds=pause_s), lifted)
    return NextTry(provider, at, f"trying again in {(at - now).total_seconds():.0f} s")
