"""What partial calls used is at least what is told of them, or about that."""

from __future__ import annotations

import pytest

from agentd.metering.partial import (
    EARLIER_RUNS,
    INPUT_ESTIMATED,
    TOTAL_ONLY,
    bound,
    is_estimate,
    reason_of,
)


@pytest.mark.parametrize(
    ("why", "estimate"),
    [
        ("answer cut after 348 tokens", False),
        ("answer cut after 348 tokens; input is estimated", True),
        ("relay bypassed", False),
        ("relay bypassed; claude-x: no price for web searches", False),
        ("gpt-x: no price for service_tier=flex", True),  # the price may be lower
        ("it told nothing of its usage", True),
        ("what earlier runs of its session used is not known", True),  # the total may hold them
        ("the API told a total of tokens without its parts", True),
        ("thoughts and tool prompts of side calls are not told apart", True),
        ("the words of a newer agentd", False),
        (None, False),
    ],
)
def test_a_call_that_may_have_used_less_is_an_estimate(why: str | None, estimate: bool) -> None:
    assert is_estimate("heuristic", why, 1) is estimate
    assert not is_estimate("heuristic", why, 0)  # nothing uses less than none
    assert not is_estimate("exact", why, 1)


def test_one_reason_hides_none_that_makes_an_estimate() -> None:
    cut = f"answer cut after 4 tokens; {INPUT_ESTIMATED}"
    assert reason_of([None, cut, "its log is missing"]) == cut
    assert reason_of(["relay bypassed", cut, None, cut]) == f"relay bypassed; {INPUT_ESTIMATED}"
    assert reason_of([TOTAL_ONLY, TOTAL_ONLY, EARLIER_RUNS]) == f"{TOTAL_ONLY}; {EARLIER_RUNS}"
    assert reason_of([None, ""]) is None


def test_one_estimate_makes_a_sum_one() -> None:
    assert (bound(0, 0), bound(2, 0), bound(2, 1)) == ("", "at least", "about")
