"""What follows on failed attempts, and for how long agentd sleeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from agentd.config.model import WorkflowConfig
from agentd.providers.failure import Failure, Reason
from agentd.workflow.retry import RESET_MARGIN, Attempts, NextTry, advice, next_try, sleep_until

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SETTINGS = WorkflowConfig(script_retries=3, retry_delay_secs=5)
HOURS = timedelta(hours=5)


def failed(*reasons: Reason, provider: str = "claude") -> list[tuple[str, Failure]]:
    return [(provider, Failure(reason=reason, message=reason)) for reason in reasons]


def limited(after: timedelta, provider: str = "claude") -> tuple[str, Failure]:
    return provider, Failure(reason="rate_limit", message="limit", resets_at=NOW + after)


def settings(*fallback: str, retries: int = 3, delay_s: int = 5) -> WorkflowConfig:
    return WorkflowConfig(script_retries=retries, retry_delay_secs=delay_s, fallback=fallback)


def after(
    attempts: Attempts, rules: WorkflowConfig = SETTINGS, *, wait: bool = False
) -> NextTry | None:
    return next_try(attempts, rules, wait=wait, now=NOW)


def pause_s(following: NextTry | None) -> float:
    """For how long it is waited before the same provider is tried again, in its session."""
    assert following is not None
    assert (following.provider, following.fresh_session) == ("claude", False)
    return (following.at - NOW).total_seconds()


def turns_to(following: NextTry | None) -> str:
    """The provider that has its turn at once, in a new session."""
    assert following is not None
    assert (following.at, following.fresh_session) == (NOW, True)
    assert following.told == f"going on with {following.provider}"
    return following.provider


@pytest.mark.parametrize("reason", ["rate_limit", "overloaded", "network", "no_result"])
def test_what_passes_later_is_tried_again_with_a_doubling_pause(reason: Reason) -> None:
    for attempts, expected_s in ((1, 5), (2, 10), (3, 20)):
        following = after(failed(reason) * attempts)
        assert pause_s(following) == expected_s
        assert following is not None
        assert following.told == f"trying again in {expected_s} s"
    assert after(failed(reason) * 4) is None


@pytest.mark.parametrize("reason", ["auth", "refused", "timeout", "budget"])
def test_what_does_not_pass_is_never_tried_again(reason: Reason) -> None:
    assert after(failed(reason)) is None
    assert "claude" in advice(failed(reason)) or reason in ("refused", "timeout")


@pytest.mark.parametrize(
    ("delay_s", "attempts", "expected_s"),
    [(5, 7, 300), (5, 90, 300), (400, 1, 400), (400, 2, 400), (0, 5, 0)],
)
def test_pause_is_capped(delay_s: int, attempts: int, expected_s: float) -> None:
    rules = settings(retries=100, delay_s=delay_s)
    assert pause_s(after(failed("network") * attempts, rules)) == expected_s


def test_pause_counts_each_provider_by_itself() -> None:
    attempts = failed("overloaded", provider="codex") * 4 + failed("overloaded")
    assert pause_s(after(attempts, settings("codex"))) == 5


@pytest.mark.parametrize("reason", ["auth", "refused", "timeout"])
def test_fallback_has_its_turn_at_once(reason: Reason) -> None:
    assert turns_to(after(failed(reason), settings("codex"))) == "codex"


def test_fallback_has_its_turn_when_the_retries_are_used_up() -> None:
    assert turns_to(after(failed("network"), settings("codex", retries=0))) == "codex"


def test_each_fallback_is_tried_once_and_in_order() -> None:
    rules = settings("claude", "gemini", "codex")
    attempts = failed("auth")
    assert turns_to(after(attempts, rules)) == "gemini"
    attempts += failed("auth", provider="gemini")
    assert turns_to(after(attempts, rules)) == "codex"
    assert after([*attempts, *failed("auth", provider="codex")], rules) is None


def test_budget_is_not_spent_elsewhere() -> None:
    assert after(failed("budget"), settings("codex")) is None


def test_long_rate_limit_is_slept_through_with_wait() -> None:
    for rules in (settings("codex"), settings(retries=0)):
        following = after([limited(HOURS)], rules, wait=True)
        assert pause_s(following) == (HOURS + RESET_MARGIN).total_seconds()


def test_long_rate_limit_without_wait_goes_to_the_next_provider() -> None:
    assert turns_to(after([limited(HOURS)], settings("codex"))) == "codex"


def test_giving_up_says_when_the_first_rate_limit_is_lifted() -> None:
    attempts = [limited(HOURS), limited(HOURS / 2, "gemini"), *failed("auth", provider="codex")]
    assert after(attempts, settings("gemini", "codex")) is None
    assert "gemini is lifted at 2026-11-22T14:30:00Z; --wait" in advice(attempts)


@pytest.mark.parametrize(("seconds", "expected_s"), [(34, 39), (-3600, 5), (0, 5), (2, 7)])
def test_short_rate_limit_is_a_pause_like_another(seconds: int, expected_s: float) -> None:
    for wait in (False, True):
        attempts = [limited(timedelta(seconds=seconds))]
        assert pause_s(after(attempts, wait=wait)) == expected_s
        assert after(attempts * 4, wait=wait) is None


def test_unknown_session_starts_afresh_once_and_is_no_retry() -> None:
    rules = settings(retries=1)
    attempts = failed("unknown_session")
    assert after(attempts, rules) == NextTry("claude", NOW, "beginning a new session", True)
    assert pause_s(after([*attempts, *failed("overloaded")], rules)) == 5
    assert after(failed("unknown_session", "unknown_session"), rules) is None


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


@pytest.mark.parametrize(("hours", "slept_s"), [(HOURS, 5 * 3600), (-HOURS, 0)])
def test_sleep_lasts_until_the_moment(hours: timedelta, slept_s: float) -> None:
    clock = Clock()
    sleep_until(NOW + hours, clock=lambda: clock.now, sleep=clock.sleep)
    assert sum(clock.slept_s) == slept_s


def test_sleep_ends_in_time_on_a_machine_that_was_suspended() -> None:
    clock = Clock(suspended=HOURS)
    sleep_until(NOW + HOURS, clock=lambda: clock.now, sleep=clock.sleep)
    assert sum(clock.slept_s) <= 60
