"""A watch over a tracker's budget that warns of each mark once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock

from agentd.budget.tracker import (
    BudgetTracker,
    BudgetWarning,
    check_threshold,
    log_budget_warning,
)
from agentd.metering.money import Price, exact_share


class BudgetMonitor:
    """Warns once when each of ``thresholds``, shares of the budget such as 0.9, is spent.

    ``warn`` gets the warnings; by default they are logged. Several threads may use it at once.
    ValueError for a share that is no finite number of at least 0.
    """

    __slots__ = ("_lock", "_pending", "_tracker", "_warn")

    def __init__(
        self,
        tracker: BudgetTracker,
        *,
        thresholds: Iterable[Price] = (0.9,),
        warn: Callable[[BudgetWarning], None] = log_budget_warning,
    ) -> None:
        self._tracker = tracker
        self._pending = sorted({exact_share("threshold", share) for share in thresholds})
        self._warn = warn
        self._lock = Lock()

    def check(self) -> list[BudgetWarning]:
        """Warn of the thresholds that are reached now and were not before, the lowest first."""
        with self._lock:
            found = [(share, check_threshold(self._tracker, share)) for share in self._pending]
            self._pending = [share for share, warning in found if warning is None]
        warnings = [warning for _, warning in found if warning is not None]
        for warning in warnings:
            self._warn(warning)
        return warnings
