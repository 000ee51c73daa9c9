"""A budget in USD that several agents spend from, for programs that use agentd as a library."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from dataclasses import dataclass
from decimal import Context, Decimal
from operator import itemgetter
from threading import Lock
from typing import Any

from agentd.budget.sentences import exceeded, threshold_reached
from agentd.errors import BudgetExceeded
from agentd.metering.money import EXACT, Price, exact_usd

_ZERO = Decimal(0)
_QUOTIENT = Context(prec=28)
_LOGGER = logging.getLogger("agentd.budget")
_publishing = Lock()


class BudgetTracker:
    """What each agent has spent from one budget; several threads may use it at once.

    Amounts are in USD: int, float, str or Decimal; a float counts as it is written (0.1 is a
    tenth). ValueError for what is no finite number of at least 0.
    """

    __slots__ = ("_budget_usd", "_costs_usd", "_lock", "_spent_usd")

    def __init__(self, budget_usd: Price) -> None:
        self._budget_usd = exact_usd("budget_usd", budget_usd)
        self._spent_usd = _ZERO
        self._costs_usd: dict[str, Decimal] = {}
        self._lock = Lock()

    @property
    def budget_usd(self) -> Decimal:
        """The budget, as it was given."""
        return self._budget_usd

    def record_cost(self, agent_id: str, cost: Price) -> None:
        """Add ``cost`` to what ``agent_id`` has spent.

        The budget may be spent to its last cent. Raises BudgetExceeded, nothing recorded, when the
        total would be more.
        """
        cost_usd = exact_usd("cost", cost)
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

    def percentage_used(self) -> Decimal:
        """How much of the budget is spent, from 0 to 100: 89.04 is 89.04 %.

        0 for a budget of 0, from which nothing can be spent.
        """
        return _percentage(self._spent_usd, self._budget_usd)

    def agent_cost(self, agent_id: str) -> Decimal | None:
        """What ``agent_id`` has spent, in USD; None when it never recorded a cost."""
        return self._costs_usd.get(agent_id)

    def agent_costs(self) -> list[tuple[str, Decimal]]:
        """Each agent and what it has spent, in USD: the highest first, equal ones by name."""
        with self._lock:
            costs = list(self._costs_usd.items())
        return sorted(sorted(costs), key=itemgetter(1), reverse=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetWarning:
    """How much of a budget was spent when ``threshold``, a share from 0 to 1, was reached."""

    percentage_used: Decimal
    spent_usd: Decimal
    budget_usd: Decimal
    remaining_usd: Decimal
    threshold: Decimal

    def __str__(self) -> str:
        percent = EXACT.multiply(self.threshold, 100)
        return threshold_reached(percent, self.spent_usd, self.budget_usd)


def check_threshold(tracker: BudgetTracker, threshold: Price) -> BudgetWarning | None:
    """A warning when ``threshold``, a share of the budget such as 0.90, is spent, else None.

    Changes nothing, so it warns again each time it is asked. 0 always warns, 1 when nothing is
    left, more than 1 never. ValueError for a negative threshold and for NaN.
    """
    if threshold == float("inf"):
        return None
    share = exact_usd("threshold", threshold)
    spent_usd, budget_usd = tracker.total_spent(), tracker.budget_usd
    reached = 0 < spent_usd >= EXACT.multiply(share, budget_usd)
    if share > 1 or not (reached or share == 0):
        return None
    return BudgetWarning(
        percentage_used=_percentage(spent_usd, budget_usd),
        spent_usd=spent_usd,
        budget_usd=budget_usd,
        remaining_usd=EXACT.subtract(budget_usd, spent_usd),
        threshold=share,
    )


def log_budget_warning(warning: BudgetWarning) -> None:
    """Log ``warning`` as a WARNING of the logger ``agentd.budget``."""
    _LOGGER.warning("%s", warning)


def publish_cost_metrics(
    agent_id: str, cost: Price, state: MutableMapping[str, dict[str, Any]]
) -> None:
    """Add ``cost`` in USD to the metrics of ``agent_id`` in ``state``.

    ``state[agent_id]`` gets ``gen_ai.agent.id``, ``gen_ai.usage.cost`` (the sum of all costs
    published there) and ``agentd.last_cost_usd``, amounts as Decimal; its other keys stay. The
    OpenTelemetry conventions have no name for a cost; ``gen_ai.usage.cost`` is what Langfuse and
    others read. Several threads may publish at once. Raises ValueError like ``record_cost``.
    """
    cost_usd = exact_usd("cost", cost)
    with _publishing:
        metrics = state.get(agent_id, {})
        published_usd = exact_usd("gen_ai.usage.cost", metrics.get("gen_ai.usage.cost", _ZERO))
        state[agent_id] = {
            **metrics,
            "gen_ai.agent.id": agent_id,
            "gen_ai.usage.cost": EXACT.add(published_usd, cost_usd),
            "agentd.last_cost_usd": cost_usd,
        }


def _percentage(spent_usd: Decimal, budget_usd: Decimal) -> Decimal:
    if budget_usd == 0:
        return _ZERO
    return _QUOTIENT.divide(EXACT.multiply(spent_usd, 100), budget_usd)
