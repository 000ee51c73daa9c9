"""The budget tracker: 100 threads with 1,000 costs each, against the same in one thread."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier

from agentd import BudgetTracker

RUNS = 5
THREADS = 100
COSTS = 1000
COST_USD = Decimal("0.000123")


def main() -> None:
    one, many, tenths = [], [], []
    for _ in range(RUNS):
        one.append(rate(1, THREADS * COSTS, COST_USD))
        many.append(rate(THREADS, COSTS, COST_USD))
        tenths.append(rate(THREADS, COSTS, 0.000123))
    print(f"100 threads, Decimal  {statistics.median(many):12,.0f} record_cost a second in all")
    print(f"100 threads, float    {statistics.median(tenths):12,.0f}")
    print(f"one thread, Decimal   {statistics.median(one):12,.0f}")
    print(f"100 threads / one:    {statistics.median(many) / statistics.median(one):.2f}")


def rate(threads: int, costs: int, cost: Decimal | float) -> float:
    """Calls a second in all, from the first call of any thread to the last."""
    tracker = BudgetTracker(THREADS * COSTS)
    barrier = Barrier(threads)

    def spend(number: int) -> tuple[float, float]:
        agent_id = f"agent-{number}"
        barrier.wait()
        start = time.perf_counter()
        for _ in range(costs):
            tracker.record_cost(agent_id, cost)
        return start, time.perf_counter()

    with ThreadPoolExecutor(threads) as pool:
        starts, ends = zip(*pool.map(spend, range(threads)), strict=True)
    assert tracker.total_spent() == COST_USD * THREADS * COSTS
    return threads * costs / (max(ends) - min(starts))


if __name__ == "__main__":
    main()
