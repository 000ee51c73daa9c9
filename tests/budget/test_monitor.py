"""A monitor warns of each mark once, whoever spends."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from agentd import BudgetMonitor, BudgetTracker, BudgetWarning


def test_each_threshold_warns_once() -> None:
    tracker = BudgetTracker(10)
    told: list[BudgetWarning] = []
    monitor = BudgetMonitor(tracker, thresholds=[0.9, "0.5", 1], warn=told.append)
    shares = []
    for _ in range(10):
        tracker.record_cost("a", 1)
        shares.append([warning.threshold for warning in monitor.check()])
    assert shares == [[], [], [], [], [0.5], [], [], [], [0.9], [1.0]]
    assert [warning.percentage_used for warning in told] == [0.5, 0.9, 1.0]


def test_several_at_once_come_in_order_and_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    tracker = BudgetTracker(50)
    monitor = BudgetMonitor(tracker, thresholds=(0.9, 0.5))
    tracker.record_cost("a", 45.12)
    assert [warning.threshold for warning in monitor.check()] == [0.5, 0.9]
    assert monitor.check() == []
    assert [(name, level) for name, level, _ in caplog.record_tuples] == [
        ("agentd.budget", logging.WARNING)
    ] * 2


def test_threads_are_warned_once_in_all() -> None:
    tracker = BudgetTracker(100)
    monitor = BudgetMonitor(tracker, warn=lambda _: None)

    def spend(_: int) -> int:
        tracker.record_cost("a", 1)
        return len(monitor.check())

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(spend, range(100))) == 1


@pytest.mark.parametrize("wrong", [-0.1, float("nan"), float("inf"), True, None])
def test_a_wrong_share_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match=r"^threshold is "):
        BudgetMonitor(BudgetTracker(1), thresholds=[wrong])


def test_a_receiver_that_raises_loses_no_later_warning() -> None:
    tracker, told = BudgetTracker(10), list[float]()
    tracker.record_cost("a", 9.5)

    def warn(warning: BudgetWarning) -> None:
        told.append(warning.threshold)
        if len(told) == 1:
            raise BrokenPipeError

    monitor = BudgetMonitor(tracker, thresholds=[0.5, 0.9, 0.99, 0.6], warn=warn)
    with pytest.raises(BrokenPipeError):
        monitor.check()
    monitor.check()
    monitor.check()
    assert told == [0.5, 0.6, 0.9]
    tracker.record_cost("a", 0.45)
    monitor.check()
    assert told == [0.5, 0.6, 0.9, 0.99]
