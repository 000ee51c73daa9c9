"""What is published of an agent's costs."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from decimal import Decimal

import pytest

from agentd import (
    BudgetTracker,
    CostMetrics,
    UnsupportedModel,
    calculate_cost,
    publish_cost_metrics,
)

D = Decimal


def test_the_metrics_are_those_of_the_tracker() -> None:
    tracker = BudgetTracker(50)
    tracker.record_cost("a", 44)
    tracker.record_cost("b", 0.52)
    state: dict[str, object] = {"other": 1, "b": "as it was before"}
    before_ms = time.time_ns() // 1_000_000
    publish_cost_metrics("b", 0.52, tracker, state)
    metrics = state["b"]
    assert isinstance(metrics, CostMetrics)
    assert before_ms <= metrics.timestamp <= time.time_ns() // 1_000_000
    assert asdict(metrics) == {
        "agent_id": "b",
        "total_spent": D("44.52"),
        "budget_limit": D(50),
        "percentage_used": 0.8904,
        "last_cost": D("0.52"),
        "timestamp": metrics.timestamp,
    }
    assert state["other"] == 1
    assert tracker.total_spent() == D("44.52")  # nothing is spent by publishing
    assert json.loads(json.dumps(metrics.as_dict())) == {
        "agent_id": "b",
        "total_spent": "44.52",
        "budget_limit": "50.0",
        "percentage_used": 0.8904,
        "last_cost": "0.52",
        "timestamp": metrics.timestamp,
    }


def test_any_state_manager_will_do() -> None:
    class Board:
        def __init__(self) -> None:
            self.published: list[tuple[str, CostMetrics]] = []

        def __setitem__(self, key: str, value: CostMetrics, /) -> None:
            self.published.append((key, value))

    board, tracker = Board(), BudgetTracker(1)
    publish_cost_metrics("a", calculate_cost(1000, "gpt-4"), tracker, board)
    assert [(key, one.last_cost) for key, one in board.published] == [("a", D("0.045"))]


def test_the_old_form_is_told_the_new_one() -> None:
    new = r"publish_cost_metrics\(agent_id, last_cost, tracker, state\)"
    with pytest.raises(TypeError, match=new):
        publish_cost_metrics("a", 0.53, {})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=new):
        publish_cost_metrics("a", 0.53, {}, BudgetTracker(1))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'last_cost' and 'tracker'"):
        publish_cost_metrics(agent_id="a", cost=0.53, state={})  # type: ignore[call-arg, arg-type]


@pytest.mark.parametrize("wrong", [-1, D("NaN"), float("inf"), "ten", True, None])
def test_a_wrong_cost_is_refused(wrong: object) -> None:
    state: dict[str, object] = {}
    with pytest.raises(ValueError, match=r"^last_cost is "):
        publish_cost_metrics("a", wrong, BudgetTracker(1), state)  # type: ignore[arg-type]
    with pytest.raises(UnsupportedModel):
        publish_cost_metrics("a", calculate_cost(1, "no-such-model"), BudgetTracker(1), state)
    assert state == {}
