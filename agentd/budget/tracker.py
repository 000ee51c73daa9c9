"""A budget in USD that several agents spend from, for programs that use agentd as a library."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from decimal import Context, Decimal
from operator import itemgetter
from threading import Lock

from agentd.budget.sentences import exceeded, threshold_reached
from agentd.errors import BudgetExceeded
from agentd.frozen import frozen
from agentd.metering.money import EXACT, Price, exact_share, exact_usd
from agentd.metering.quote import Cost, no_price

_ZERO = Decimal(0)
_QUOTIENT = Context(prec=60)  # so much more than a float has that rounding twice does no harm
_LOGGER = logging.getLogger("agentd.budget")


class BudgetTracker:
    """What each agent has spent from one budget; several threads may use it at once.

    Amounts are in USD: int, float, str or Decimal; a float counts as it is written (0.1 is a
    tenth). ValueError for what is no finite number of at least 0, and for a budget of 0.
    """

    __slots__ = ("__weakref__", "_budget_usd", "_costs_usd", "_lock", "_spent_usd")

    def __init__(self, budget_usd: Price) -> None:
        self._budget_usd = exact_usd("budget_usd", budget_usd)
        if not self._budget_usd:
            raise ValueError(f"budget_usd is {budget_usd!r}; expected a number above 0")
        self._spent_usd = _ZERO
        self._costs_usd: dict[str, Decimal] = {}
        self._lock = Lock()

    @property
    def budget_usd(self) -> Decimal:
        """The budget, as it was given."""
        return self._budget_usd

    def record_cost(self, agent_id: str, cost: Price | Cost) -> None:
        """Add ``cost``, an amount or what ``calculate_cost`` gave, to what ``agent_id`` has spent.

        The budget may be spent to its last cent. Raises BudgetExceeded when the total would be
        more, UnsupportedModel when no price was known for the tokens of ``cost``; nothing is
        recorded then.
        """
        cost_usd = cost_usd_of("cost", cost)
        with self._lock:
            spent_usd = EXACT.add(self._spent_usd, cost_usd)
            if spent_usd > self._budget_usd:
                raise BudgetExceeded(
                    exceeded(spent_usd, self._budget_usd),
                    spent_usd=spent_usd,
                    limit_usd=self._budget_usd,
                )
            self._costs_usd[agent_id] = EXACT.add(self._costs_usd.get(agent_id, _ZERO), cost_usd)
            self._spent_usd = spent_usd

    def total_spent(self) -> Decimal:
        """What all agents have spent, in USD, to the last digit."""
        return self._spent_usd

    def remaining(self) -> Decimal:
        """What is left of the budget, in USD; never negative."""
        return EXACT.subtract(self._budget_usd, self._spent_usd)

    def percentage_used(self) -> float:
        """How much of the budget is spent, as a share from 0.0 to 1.0: 0.8904 is 89.04 %."""
        return share_of(self._spent_usd, self._budget_usd)

    def agent_cost(self, agent_id: str) -> Decimal | None:
        """What ``agent_id`` has spent, in USD; None when it never recorded a cost."""
        return self._costs_usd.get(agent_id)

    def agent_costs(self) -> list[tuple[str, Decimal]]:
        """Each agent and what it has spent, in USD: the highest first, equal ones by name."""
        with self._lock:
            costs = list(self._costs_usd.items())
        return sorted(sorted(costs), key=itemgetter(1), reverse=True)


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
    """Log ``warning`` as a WARNING of the logger ``agentd.budget``."""
    _LOGGER.warning("%s", warning)


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
        """Warn of the thresholds that are reached now and were not before, the lowest first."""
        with self._lock:
            warnings, self._pending = reached(self._tracker, self._pending)
        for warning in warnings:
            self._warn(warning)
        return warnings


def share_of(spent_usd: Decimal, budget_usd: Decimal) -> float:
    """How much of a budget is spent, from 0.0 to 1.0."""
    return float(_QUOTIENT.divide(spent_usd, budget_usd))


def cost_usd_of(name: str, cost: Price | Cost) -> Decimal:
    """A cost in USD. ValueError for what is no amount, UnsupportedModel for one without a price."""
    if not isinstance(cost, Cost):
        return exact_usd(name, cost)
    if cost.unpriced:
        raise no_price(cost.model)
    return cost.total_usd
