"""A budget in USD that several agents spend from, for programs that use agentd as a library."""

from __future__ import annotations

import logging
from decimal import Decimal
from operator import itemgetter
from threading import Lock
from typing import NoReturn

from agentd.budget.logs import COSTS, fields_of
from agentd.budget.sentences import exceeded, left_usd
from agentd.budget.shares import share_of
from agentd.errors import BudgetExceeded
from agentd.metering.money import EXACT, Price, exact_usd, usd
from agentd.metering.quote import Cost, no_price

_ZERO = Decimal(0)


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
        recorded then. The logger ``agentd.budget.costs`` tells each cost (INFO) and each that was
        too much (ERROR).
        """
        cost_usd = cost_usd_of("cost", cost)
        with self._lock:
            spent_usd = EXACT.add(self._spent_usd, cost_usd)
            fits = spent_usd <= self._budget_usd
            if fits:
                own_usd = self._costs_usd.get(agent_id, _ZERO)
                self._costs_usd[agent_id] = EXACT.add(own_usd, cost_usd)
                self._spent_usd = spent_usd
        if not fits:
            self._refuse(agent_id, cost_usd, spent_usd)
        if COSTS.isEnabledFor(logging.INFO):
            left = left_usd(spent_usd, self._budget_usd)
            text = f"Cost recorded: {usd(cost_usd)} by {agent_id}, {left}"
            COSTS.info(
                "%s", text, extra=self._fields("cost_recorded", agent_id, cost_usd, spent_usd)
            )

    def _refuse(self, agent_id: str, cost_usd: Decimal, spent_usd: Decimal) -> NoReturn:
        text = exceeded(spent_usd, self._budget_usd)
        fields = self._fields("budget_exceeded", agent_id, cost_usd, self._spent_usd)
        COSTS.error("%s", text, extra=fields)
        raise BudgetExceeded(text, spent_usd=spent_usd, limit_usd=self._budget_usd)

    def _fields(
        self, event: str, agent_id: str, cost_usd: Decimal, spent_usd: Decimal
    ) -> dict[str, object]:
        return {
            "event": event,
            "agent_id": agent_id,
            "last_cost": cost_usd,
            **fields_of(spent_usd, self._budget_usd),
        }

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


def cost_usd_of(name: str, cost: Price | Cost) -> Decimal:
    """A cost in USD. ValueError for what is no amount, UnsupportedModel for one without a price."""
    if not isinstance(cost, Cost):
        return exact_usd(name, cost)
    if cost.unpriced:
        raise no_price(cost.model)
    return cost.total_usd
