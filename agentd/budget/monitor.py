"""Thresholds of a budget: how much is spent when they are reached, and who is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from threading import Lock

from agentd.budget.logs import WARNINGS, fields_of, yellow
from agentd.budget.sentences import threshold_reached
from agentd.budget.shares import share_of
from agentd.budget.tracker import BudgetTracker
from agentd.frozen import frozen
from agentd.metering.money import EXACT, Price, exact_share


@frozen(kw_only=True, guarded=True)
class BudgetWarning:
    """How much of a budget was spent when ``threshold`` was reached.

    ``threshold`` and ``percentage_used`` are shares from 0.0 to 1.0.
    """

    percentage_used: float
    spent_usd: Decimal
    budget_usd: Decimal
    remaining_usd: Decimal
    threshold: float

    def __str__(self) -> str:
        percent = EXACT.multiply(exact_share("threshold", self.threshold), 100)
        return threshold_reached(percent, self.spent_usd, self.budget_usd)


def check_threshold(tracker: BudgetTracker, threshold: Price) -> BudgetWarning | None:
    """A warning when ``threshold``, a share of the budget such as 0.90, is spent, else None.

    Changes nothing, so it warns again each time it is asked; BudgetMonitor warns once. 0 always
    warns, 1 when nothing is left, more than 1 never. ValueError for a threshold that is no finite
    number of at least 0.
    """
    share = exact_share("threshold", threshold)
    spent_usd, budget_usd = tracker.total_spent(), tracker.budget_usd
    reached = 0 < spent_usd >= EXACT.multiply(share, budget_usd)
    if share > 1 or not (reached or share == 0):
        return None
    return BudgetWarning(
        percentage_used=share_of(spent_usd, budget_usd),
        spent_usd=spent_usd,
        budget_usd=budget_usd,
        remaining_usd=EXACT.subtract(budget_usd, spent_usd),
        threshold=float(share),
    )


def reached(
    tracker: BudgetTracker, shares: Iterable[Decimal]
) -> tuple[list[BudgetWarning], list[Decimal]]:
    """The warnings of those thresholds that are reached, and the thresholds that are not."""
    found = [(share, check_threshold(tracker, share)) for share in shares]
    warnings = [warning for _, warning in found if warning is not None]
    return warnings, [share for share, warning in found if warning is None]


def shares_of(thresholds: Iterable[Price]) -> list[Decimal]:
    """Thresholds as exact shares, each once, the lowest first. ValueError for what is none."""
    return sorted({exact_share("threshold", share) for share in thresholds})


def log_budget_warning(warning: BudgetWarning) -> None:
    """Log ``warning`` as a WARNING of the logger ``agentd.budget``; yellow on a terminal.

    It has fields for handlers that keep such: ``event`` ("budget_warning"), ``threshold``,
    ``percentage_used``, ``total_spent``, ``remaining`` and ``budget_limit``.
    """
    fields = fields_of(warning.spent_usd, warning.budget_usd)
    extra = {"event": "budget_warning", "threshold": warning.threshold, **fields}
    WARNINGS.warning("%s", yellow(str(warning)), extra=extra)


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
        self._pending = shares_of(thresholds)
        self._warn = warn
        self._lock = Lock()

    def check(self) -> list[BudgetWarning]:
        """Warn of the thresholds that are reached now and were not before, the lowest first.

        Where ``warn`` raises, those after it are told by the next check.
        """
        with self._lock:
            warnings, rest = reached(self._tracker, self._pending)
            shares = [share for share in self._pending if share not in rest]
            self._pending = rest
        begun = 0
        try:
            for warning in warnings:
                begun += 1
                self._warn(warning)
        finally:
            if untold := shares[begun:]:
                with self._lock:
                    self._pending = sorted({*self._pending, *untold})
        return warnings
