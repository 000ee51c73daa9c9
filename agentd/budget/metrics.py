"""What an agent's costs look like to others, such as a dashboard: published after each of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Never, Protocol

from agentd.budget.tracker import BudgetTracker, cost_usd_of, share_of
from agentd.clock import precise_utc_now
from agentd.frozen import frozen
from agentd.metering.money import Price
from agentd.metering.quote import Cost


@frozen(kw_only=True, guarded=True)
class CostMetrics:
    """A budget as it stood after a cost of ``agent_id``.

    ``total_spent``, ``budget_limit`` and ``last_cost`` are in USD, ``percentage_used`` is a share
    from 0.0 to 1.0, ``timestamp`` in milliseconds since 1970, UTC.
    """

    agent_id: str
    total_spent: Decimal
    budget_limit: Decimal
    percentage_used: float
    last_cost: Decimal
    timestamp: int


class StateManager(Protocol):
    """Where metrics are published: whatever takes ``state[key] = metrics``, such as a dict."""

    def __setitem__(self, key: str, value: CostMetrics, /) -> None:
        """Keep ``value`` under ``key``, in place of an earlier one."""


def publish_cost_metrics(
    agent_id: str,
    last_cost: Price | Cost,
    tracker: BudgetTracker,
    state: StateManager | None = None,
    **old: Never,
) -> None:
    """Put the metrics of ``agent_id`` after its ``last_cost`` into ``state[agent_id]``.

    It spends nothing: ``tracker.record_cost`` does. Raises ValueError and UnsupportedModel like
    that, TypeError without a tracker and a state.
    """
    if not isinstance(tracker, BudgetTracker) or state is None or old:
        raise TypeError(
            "the form is publish_cost_metrics(agent_id, last_cost, tracker, state), "
            "with a BudgetTracker as the third argument"
        )
    last_cost_usd = cost_usd_of("last_cost", last_cost)
    spent_usd = tracker.total_spent()
    state[agent_id] = CostMetrics(
        agent_id=agent_id,
        total_spent=spent_usd,
        budget_limit=tracker.budget_usd,
        percentage_used=share_of(spent_usd, tracker.budget_usd),
        last_cost=last_cost_usd,
        timestamp=int(precise_utc_now().timestamp() * 1000),
    )
