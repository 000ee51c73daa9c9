"""What an agent's costs look like to others, such as a dashboard: published after each of them."""

from __future__ import annotations

from threading import RLock
from typing import Never, Protocol
from weakref import WeakKeyDictionary

from agentd.budget.cost_metrics import CostMetrics
from agentd.budget.state_manager import StateManager, metrics_after
from agentd.budget.tracker import BudgetTracker, cost_usd_of
from agentd.metering.money import Price
from agentd.metering.quote import Cost


class TakesMetrics(Protocol):
    """Whatever takes ``state[key] = metrics``, such as a dict."""

    def __setitem__(self, key: str, value: CostMetrics, /) -> None:
        """Keep ``value`` under ``key``, in place of an earlier one."""


_ONE_BY_ONE = RLock()
_PUBLISHING: WeakKeyDictionary[BudgetTracker, RLock] = WeakKeyDictionary()


def publish_cost_metrics(
    agent_id: str,
    last_cost: Price | Cost,
    tracker: BudgetTracker,
    state: StateManager | TakesMetrics | None = None,
    **old: Never,
) -> None:
    """Put the metrics of ``agent_id`` after its ``last_cost`` into ``state``, under ``agent_id``.

    ``state`` is a StateManager, a dict, or any object with ``__setitem__``. It spends nothing:
    ``tracker.record_cost`` does. Several threads may publish at once: what is kept last has the
    highest total. Raises ValueError and UnsupportedModel like ``record_cost``, TypeError without
    a tracker and a state, StateError where a StateManager's file can't be written.
    """
    if not isinstance(tracker, BudgetTracker) or state is None or old:
        raise TypeError(
            "the form is publish_cost_metrics(agent_id, last_cost, tracker, state), "
            "with a BudgetTracker as the third argument"
        )
    last_cost_usd = cost_usd_of("last_cost", last_cost)
    if isinstance(state, StateManager):
        state.publish(agent_id, last_cost_usd, tracker)
        return
    with _ONE_BY_ONE:
        publishing = _PUBLISHING.setdefault(tracker, RLock())
    with publishing:  # else an older total could be put in place of a newer one
        state[agent_id] = metrics_after(agent_id, last_cost_usd, tracker)
