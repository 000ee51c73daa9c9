"""What follows on failed attempts, and for how long agentd sleeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agentd.providers.failure import Failure, Reason
from agentd.workflow.retry import (
    RESET_MARGIN,
    Action,
    GiveUp,
    Policy,
    Retry,
    SleepUntil,
    Switch,
    next_action,
    pause,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
POLICY = Policy(retries=3, delay_s=5)


def failed(*reasons: Reason, provider: str = "claude") -> list[tuple[str, Failure]]:
    return [(provider, Failure(reason=reason, message=reason)) for reason in reasons]


def limited(after: timedelta, provider: str = "claude") -> tuple[str, Failure]:
    return provider, Failure(reason="rate_limit", message="limit", resets_at=NOW + after)


def policy(*fallback: str, retries: int = 3, delay_s: float = 5, wait: bool = False) -> Policy:
    return Policy(retries=retries, delay_s=delay_s, fallback=fallback, wait=wait)


def after(attempts: list[tuple[str, Failure]], rules: Policy = POLICY) -> Action:
    return next_action(attempts, rules, now=NOW)


@pytest.mark.parametrize("reason", ["rate_limit", "overloaded", "network", "no_result"])
def test_what_passes_later_is_tried_again_with_a_doubling_pause(reason: Reason) -> None:
    for attempts, after_s in ((1, 5), (2, 10), (3, 20)):
        expected = Retry(after_s=after_s)
        assert after(failed(reason) * attempts) == expected
    assert isinstance(after(failed(reason) * 4), GiveUp)


@pytest.mark.parametrize("reason", ["auth", "refused", "timeout", "budget"])
def test_what_does_not_pass_is_never_tried_again(reason: Reason) -> None:
    end = after(failed(reason))
    assert isinstance(end, GiveUp)
    assert end.failure.reason == reason
    assert "claude" in end.advice or reason in ("refused", "timeout")


@pytest.mark.parametrize(
    ("delay_s", "attempts", "after_s"),
    [(5, 7, 300), (5, 90, 300), (400, 1, 400), (400, 2, 400), (0, 5, 0)],
)
def test_pause_is_capped(delay_s: float, attempts: int, after_s: float) -> None:
    rules = policy(retries=100, delay_s=delay_s)
    assert after(failed("network") * attempts, rules) == Retry(after_s=after_s)


def test_pause_counts_each_provider_by_itself() -> None:
    attempts = failed("overloaded") * 4 + failed("overloaded", provider="codex")
    assert after(attempts, policy("codex")) == Retry(after_s=5)


@pytest.mark.parametrize("reason", ["auth", "refused", "timeout"])
def test_fallback_has_its_turn_at_once(reason: Reason) -> None:
    assert after(failed(reason), policy("codex")) == Switch(provider="codex")


def test_fallback_has_its_turn_when_the_retries_are_used_up() -> None:
    assert after(failed("network"), policy("codex", retries=0)) == Switch(provider="codex")


def test_each_fallback_is_tried_once_and_in_order() -> None:
    rules = policy("claude", "gemini", "codex")
    attempts = failed("auth")
    assert after(attempts, rules) == Switch(provider="gemini")
    attempts += failed("auth", provider="gemini")
    assert after(attempts, rules) == Switch(provider="codex")
    assert isinstance(after([*attempts, *failed("auth", provider="codex")], rules), GiveUp)


def test_budget_is_not_spent_elsewhere() -> None:
    assert isinstance(after(failed("budget"), policy("codex")), GiveUp)


HOURS = timedelta(hours=5)


def test_long_rate_limit_is_slept_through_with_wait() -> None:
    for rules in (policy("codex", wait=True), policy(retries=0, wait=True)):
        assert after([limited(HOURS)], rules) == SleepUntil(until=NOW + HOURS + RESET_MARGIN)


def test_long_rate_limit_without_wait_goes_to_the_next_provider() -> None:
    assert after([limited(HOURS)], policy("codex")) == Switch(provider="codex")


def test_giving_up_says_when_the_first_rate_limit_is_lifted() -> None:
    attempts = [limited(HOURS), limited(HOURS / 2, "gemini"), *failed("auth", provider="codex")]
    end = after(attempts, policy("gemini", "codex"))
    assert isinstance(end, GiveUp)
    assert "gemini is lifted at 2026-11-22T14:30:00Z; --wait" in end.advice


@pytest.mark.parametrize(("seconds", "after_s"), [(34, 39), (-3600, 5), (0, 5), (2, 7)])
def test_short_rate_limit_is_a_pause_like_another(seconds: int, after_s: float) -> None:
    for rules in (POLICY, policy(wait=True)):
        attempts = [limited(timedelta(seconds=seconds))]
        assert after(attempts, rules) == Retry(after_s=after_s)
        assert isinstance(after(attempts * 4, rules), GiveUp)


def test_unknown_session_starts_afresh_once_and_is_no_retry() -> None:
    rules = policy(retries=1)
    attempts = failed("unknown_session")
    assert after(attempts, rules) == Retry(after_s=0, fresh_session=True)
    assert after([*attempts, *failed("overloaded")], rules) == Retry(after_s=5)
    assert isinstance(after(failed("unknown_session", "unknown_session"), rules), GiveUp)


class Clock:
    """Sleeps in no time, and for ten minutes more than asked when the machine is suspended."""

    def __init__(self, suspended: timedelta = timedelta()) -> None:
        self.now = NOW
        self.slept_s: list[float] = []
        self._suspended = suspended

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now += timedelta(seconds=seconds) + self._suspended
        self._suspended = timedelta()


@pytest.mark.parametrize(
    ("action", "slept_s"),
    [
        (Retry(after_s=20), 20),
        (Retry(after_s=0), 0),
        (SleepUntil(until=NOW + HOURS), 5 * 3600),
        (SleepUntil(until=NOW - HOURS), 0),
        (Switch(provider="x"), 0),
    ],
)
def test_pause_lasts_as_long_as_the_action_asks(action: Action, slept_s: float) -> None:
    clock = Clock()
    pause(action, clock=lambda: clock.now, sleep=clock.sleep)
    assert sum(clock.slept_s) == slept_s


def test_pause_ends_in_time_on_a_machine_that_was_suspended() -> None:
    clock = Clock(suspended=HOURS)
    pause(SleepUntil(until=NOW + HOURS), clock=lambda: clock.now, sleep=clock.sleep)
    assert sum(clock.slept_s) <= 60
