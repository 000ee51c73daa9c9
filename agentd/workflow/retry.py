"""What to do after a failed attempt: pure decisions, and the one place that sleeps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agentd.clock import iso
from agentd.providers.failure import Failure, Reason

LONGEST_BACKOFF_S = 300.0
RESET_MARGIN = timedelta(seconds=5)  # the provider's clock is not ours
_TICK_S = 30.0
_LATER = "Run the command again later, or name other providers in workflow.fallback."
_ADVICE: dict[Reason, str] = {
    "auth": "Log in to {provider}, or give it a valid key and credit.",
    "refused": "The same request would be refused again; its message says what to change.",
    "timeout": "Raise workflow.step_timeout_secs if the step needs more time.",
    "budget": "This limit stands in the settings or arguments of {provider}.",
    "network": "See whether {provider} can reach its API, then run the command again.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """``retries``: most new attempts per provider; ``delay_s`` before the first of them.

    ``fallback`` are the providers to go on with, in order; ``wait``: sleep for as long as a rate
    limit lasts.
    """

    retries: int
    delay_s: float
    fallback: tuple[str, ...] = ()
    wait: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Try the same provider again after a pause; ``fresh_session``: without the session's id."""

    after_s: float
    fresh_session: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SleepUntil:
    """Try the same provider again when its rate limit is lifted."""

    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """Go on with another provider: with its own model, and without the session's id."""

    provider: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """Nothing is left to try; ``advice`` tells a person what to do."""

    failure: Failure
    advice: str


Action = Retry | SleepUntil | Switch | GiveUp


def next_action(
    attempts: Sequence[tuple[str, Failure]], policy: Policy, *, now: datetime
) -> Action:
    """What follows on ``attempts``: one step's failed runs, (provider, why) in order, at least one.

    What can pass later is tried again after a pause that doubles, at most ``policy.retries`` times
    per provider; then, and after every other failure but a budget's, the next provider of
    ``policy.fallback`` that was not tried has its turn.
    """
    _, failure = attempts[-1]
    again = _again(attempts, policy, now)
    if again is not None:
        return again
    tried = {name for name, _ in attempts}
    following = next((name for name in policy.fallback if name not in tried), None)
    if following is not None and failure.reason != "budget":
        return Switch(provider=following)
    return GiveUp(failure=failure, advice=_advice(attempts))


def pause(action: Action, *, clock: Callable[[], datetime], sleep: Callable[[float], None]) -> None:
    """Sleep for as long as ``action`` asks, by the clock: a suspended machine wakes up in time."""
    match action:
        case Retry(after_s=after_s):
            until = clock() + timedelta(seconds=after_s)
        case SleepUntil(until=until):
            pass
        case _:
            return
    while (left_s := (until - clock()).total_seconds()) > 0:
        sleep(min(left_s, _TICK_S))


def _again(
    attempts: Sequence[tuple[str, Failure]], policy: Policy, now: datetime
) -> Retry | SleepUntil | None:
    """The same provider once more, where that makes sense."""
    provider, failure = attempts[-1]
    own = [why.reason for name, why in attempts if name == provider]
    if failure.reason == "unknown_session":
        first = own.count("unknown_session") == 1
        return Retry(after_s=0.0, fresh_session=True) if first else None
    if not failure.passes_later:
        return None
    longest_s = max(LONGEST_BACKOFF_S, policy.delay_s)
    until = now if failure.resets_at is None else failure.resets_at + RESET_MARGIN
    left_s = (until - now).total_seconds()
    if left_s > longest_s:
        return SleepUntil(until=until) if policy.wait else None
    failed = sum(reason != "unknown_session" for reason in own)
    if failed > policy.retries:
        return None
    after_s = min(policy.delay_s * 2.0 ** min(failed - 1, 30), longest_s)
    return Retry(after_s=max(after_s, left_s))


def _advice(attempts: Sequence[tuple[str, Failure]]) -> str:
    """What a person can do; of several rate limits the one that is lifted first counts."""
    last = dict(attempts)
    resets = [(why.resets_at, name) for name, why in last.items() if why.resets_at is not None]
    if resets:
        moment, name = min(resets)
        return f"The rate limit of {name} is lifted at {iso(moment)}; --wait sleeps until then."
    provider, failure = attempts[-1]
    return _ADVICE.get(failure.reason, _LATER).format(provider=provider)
