"""A budget that several agents spend from: exact, whatever the amounts and the threads."""

from __future__ import annotations

import logging
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal, localcontext
from fractions import Fraction
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd import (
    BudgetExceeded,
    BudgetTracker,
    BudgetWarning,
    UnsupportedModel,
    calculate_cost,
    check_threshold,
    log_budget_warning,
)
from agentd.errors import AgentdError

D = Decimal
WRONG = [
    -1,
    "-0.01",
    D("NaN"),
    float("nan"),
    float("inf"),
    "-Infinity",
    "ten",
    "",
    True,
    None,
    [1],
    (0, (1,), 0),
]


def test_demonstration() -> None:
    """100 leads on $50.00: at the 85th one warning, and no stop."""
    tracker = BudgetTracker(50.00)
    warnings = []
    for lead in range(1, 101):
        cost = 0.53 if lead < 85 else 0.60 if lead == 85 else 0.32
        tracker.record_cost("lead-agent", cost)
        if lead == 84:
            assert tracker.total_spent() == D("44.52")
            assert tracker.percentage_used() == 0.8904
        warning = check_threshold(tracker, 0.90)
        if warning and not warnings:
            assert lead == 85
            warnings.append(warning)
    assert warnings == [
        BudgetWarning(
            percentage_used=0.9024,
            spent_usd=D("45.12"),
            budget_usd=D("50"),
            remaining_usd=D("4.88"),
            threshold=0.9,
        )
    ]
    assert str(warnings[0]) == "⚠️  BUDGET WARNING: 90% threshold reached ($45.12 / $50.00)"
    assert tracker.total_spent() == D("49.92")
    assert tracker.remaining() == D("0.08")


def test_the_cost_that_would_exceed_is_refused_and_not_recorded() -> None:
    tracker = BudgetTracker("50")
    with pytest.raises(BudgetExceeded) as caught:
        tracker.record_cost("a", 60)
    assert (caught.value.spent_usd, caught.value.limit_usd) == (D(60), D(50))
    assert (caught.value.code, caught.value.exit_code) == ("budget_exceeded", 3)
    assert isinstance(caught.value, AgentdError)
    assert str(caught.value) == "Budget exceeded: $60.00 / $50.00"
    assert tracker.total_spent() == 0
    assert tracker.agent_cost("a") is None
    assert tracker.agent_costs() == []


def test_the_whole_budget_may_be_spent_and_not_a_hair_more() -> None:
    tracker = BudgetTracker(0.3)
    for _ in range(3):
        tracker.record_cost("a", 0.1)
    assert tracker.remaining() == 0
    assert tracker.percentage_used() == 1.0
    tracker.record_cost("a", 0)
    with pytest.raises(BudgetExceeded, match=r"Budget exceeded: \$0\.3000000000001 / \$0\.30+$"):
        tracker.record_cost("a", D("1E-13"))
    assert tracker.total_spent() == D("0.3")


@pytest.mark.parametrize("zero", [0, 0.0, "0.00", D("-0")])
def test_a_budget_of_zero_is_refused(zero: int | float | str | Decimal) -> None:
    with pytest.raises(ValueError, match=r"^budget_usd is .*; expected a number above 0$"):
        BudgetTracker(zero)


def test_a_share_is_the_nearest_float() -> None:
    tracker = BudgetTracker(3)
    tracker.record_cost("a", 1)
    assert tracker.percentage_used() == 1 / 3
    assert type(tracker.percentage_used()) is float
    warning = check_threshold(tracker, D("0.1"))
    assert warning is not None
    assert (warning.percentage_used, warning.threshold) == (1 / 3, 0.1)


def test_a_cost_is_taken_as_it_was_calculated() -> None:
    tracker = BudgetTracker(1)
    tracker.record_cost("a", calculate_cost(1000, "gpt-4"))
    tracker.record_cost("local", calculate_cost(1000, "gpt-oss:20b"))
    assert tracker.agent_costs() == [("a", D("0.045")), ("local", D(0))]


def test_a_cost_without_a_price_is_not_taken_as_free() -> None:
    tracker = BudgetTracker(1)
    cost = calculate_cost(1000, "no-such-model")
    assert (cost.total_usd, cost.unpriced) == (0, True)
    with pytest.raises(UnsupportedModel, match="no price is known for no-such-model"):
        tracker.record_cost("a", cost)
    assert tracker.agent_costs() == []


def test_agents_are_told_apart_and_sorted_by_cost() -> None:
    tracker = BudgetTracker(D(10))
    for agent, cost in [("b", 1), ("c", "2.5"), ("a", 0.5), ("a", 0.5), ("d", 0)]:
        tracker.record_cost(agent, cost)
    assert tracker.agent_cost("a") == D(1)
    assert tracker.agent_cost("d") == 0
    assert tracker.agent_cost("nobody") is None
    assert tracker.agent_costs() == [("c", D("2.5")), ("a", D(1)), ("b", D(1)), ("d", D(0))]
    assert tracker.budget_usd == 10


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_amount_is_refused(wrong: object) -> None:
    tracker = BudgetTracker(1)
    with pytest.raises(ValueError, match=r"^budget_usd is .*; expected a number of at least 0$"):
        BudgetTracker(wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^cost is "):
        tracker.record_cost("a", wrong)  # type: ignore[arg-type]
    assert tracker.agent_costs() == []


@pytest.mark.parametrize(
    ("spent", "threshold", "warns"),
    [
        ("0", 0.0, True),
        ("0", 0.01, False),
        ("89.99999999999999999999999999999999", 0.9, False),
        ("90", 0.9, True),
        ("90", D("0.9000000000000000000000000000000001"), False),
        ("99.99", 1.0, False),
        ("100", 1.0, True),
        ("100", 1, True),
        ("100", 1.0000001, False),
        ("100", 90, False),
    ],
)
def test_threshold(spent: str, threshold: float, warns: bool) -> None:
    tracker = BudgetTracker(100)
    tracker.record_cost("a", spent)
    for _ in range(2):  # it changes nothing
        assert (check_threshold(tracker, threshold) is not None) is warns
    assert tracker.agent_costs() == [("a", D(spent))]


@pytest.mark.parametrize("wrong", [-0.1, float("nan"), float("inf"), "x", True, None])
def test_threshold_that_is_none(wrong: float) -> None:
    with pytest.raises(ValueError, match=r"^threshold is .*, such as 0.9 for 90 %$"):
        check_threshold(BudgetTracker(1), wrong)


@given(
    costs=st.lists(
        st.decimals(min_value=0, max_value=10**12, allow_nan=False, places=25)
        | st.floats(min_value=0, max_value=1e12)
        | st.integers(min_value=0, max_value=10**12),
        max_size=30,
    ),
    precision=st.integers(min_value=1, max_value=28),
)
def test_sums_are_exact_in_any_context(costs: list[Decimal | float | int], precision: int) -> None:
    truth = sum((Fraction(repr(c) if isinstance(c, float) else c) for c in costs), Fraction(0))
    tracker = BudgetTracker(10**14)
    with localcontext() as narrow:
        narrow.prec = precision
        for number, cost in enumerate(costs):
            tracker.record_cost(str(number % 3), cost)
        rows = tracker.agent_costs()
        remaining = tracker.remaining()
    assert Fraction(tracker.total_spent()) == truth
    assert Fraction(remaining) == 10**14 - truth
    assert sum(Fraction(cost) for _, cost in rows) == truth
    assert [cost for _, cost in rows] == sorted((cost for _, cost in rows), reverse=True)
    assert tracker.percentage_used() == float(truth / 10**14)


def test_threads_lose_no_cent() -> None:
    tracker = BudgetTracker(100_000)
    barrier = Barrier(100)

    def spend(number: int) -> None:
        barrier.wait()
        for _ in range(1000):
            tracker.record_cost(f"agent-{number % 10}", 0.1)
            tracker.record_cost("all", D("0.000001"))

    in_threads(100, spend)
    assert tracker.total_spent() == D("10000.1")
    assert tracker.agent_cost("all") == D("0.1")
    assert tracker.agent_costs()[:10] == [(f"agent-{number}", D(1000)) for number in range(10)]


class SlowName(str):
    """A name whose look-up lets another thread go first, right where that would do harm."""

    __slots__ = ()

    def __hash__(self) -> int:
        time.sleep(0.0001)
        return super().__hash__()


def test_threads_wait_for_each_other_where_it_matters() -> None:
    tracker = BudgetTracker(1)

    def spend(_: int) -> None:
        for _ in range(20):
            tracker.record_cost(SlowName("a"), "0.001")

    in_threads(20, spend)
    assert tracker.total_spent() == D("0.4")
    assert tracker.agent_cost("a") == D("0.4")


def test_threads_never_overspend_together() -> None:
    tracker = BudgetTracker(100)
    barrier = Barrier(50)

    def spend(number: int) -> int:
        barrier.wait()
        refused = 0
        for _ in range(200):
            try:
                tracker.record_cost(str(number), "0.03")
            except BudgetExceeded:
                refused += 1
        return refused

    refused = in_threads(50, spend)
    assert tracker.total_spent() == D("99.99")  # 3,333 of the 10,000
    assert sum(refused) == 6667
    assert sum(cost for _, cost in tracker.agent_costs()) == D("99.99")


def test_warning_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    tracker = BudgetTracker(1)
    tracker.record_cost("a", "0.9256")
    warning = check_threshold(tracker, 0.925)
    assert warning is not None
    log_budget_warning(warning)
    assert caplog.record_tuples == [
        (
            "agentd.budget",
            logging.WARNING,
            "⚠️  BUDGET WARNING: 92.5% threshold reached ($0.93 / $1.00)",
        )
    ]


def test_warning_is_seen_by_a_program_that_set_up_no_logging() -> None:
    code = (
        "import agentd; t = agentd.BudgetTracker(50); t.record_cost('a', 45.12);"
        "agentd.log_budget_warning(agentd.check_threshold(t, 0.9))"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code], capture_output=True, check=True
    )
    assert done.stdout == b""
    assert done.stderr.decode() == ("⚠️  BUDGET WARNING: 90% threshold reached ($45.12 / $50.00)\n")


def test_refusal_survives_the_way_to_another_process() -> None:
    refusal = BudgetExceeded("m", fix="f", spent_usd=D(2), limit_usd=D(1))
    again = pickle.loads(pickle.dumps(refusal))
    assert (again.message, again.fix, again.spent_usd, again.limit_usd) == ("m", "f", D(2), D(1))


def in_threads(count: int, work: object) -> list[int]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))  # type: ignore[call-overload]
