"""What other threads than the main one have of a call, as the ledger keeps it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from support.state_samples import CALL

from agentd.metering.call import PricedModel
from agentd.metering.call_threads import with_threads
from agentd.metering.requests import ApiRequest, Thread
from agentd.metering.thread_use import ThreadUse, as_text, from_text
from agentd.metering.usage import ModelUsage, UsageMetrics

USAGE = ModelUsage(input_tokens=900, output_tokens=100)
WHOLE = replace(CALL, model="big", usage=USAGE, cost_usd=Decimal("1.0"), cost_source="config")


def request(thread: Thread, tokens_in: int, model: str = "big") -> ApiRequest:
    usage = ModelUsage(input_tokens=tokens_in, output_tokens=10, cache_read_input_tokens=5)
    return ApiRequest(model=model, usage=usage, thread=thread, ended=True)


def a_tenth_of_a_cent_a_token(usage: UsageMetrics) -> Decimal:
    return usage.total_tokens * Decimal("0.001")


def nothing_known(usage: UsageMetrics) -> Decimal:
    return Decimal(0)


def test_a_call_of_the_main_thread_alone_says_nothing() -> None:
    assert with_threads(WHOLE, [request("main", 90)], a_tenth_of_a_cent_a_token) == WHOLE
    assert with_threads(WHOLE, [], a_tenth_of_a_cent_a_token) == WHOLE


def test_requests_are_added_up_by_thread_and_priced_by_themselves() -> None:
    requests = [request("side", 40), request("main", 500), request("subagent", 90)]
    requests.append(request("subagent", 100))
    told = with_threads(WHOLE, requests, a_tenth_of_a_cent_a_token).threads
    assert told == "subagent=190/20/10/0.21,side=40/10/5/0.05"
    assert from_text(told)[0] == ThreadUse("subagent", 190, 20, 10, 0, Decimal("0.21"))


@pytest.mark.parametrize("price", [nothing_known, lambda _: Decimal(5)])
def test_else_a_thread_has_its_part_of_the_tokens(price: object) -> None:
    told = with_threads(WHOLE, [request("side", 90)], price).threads  # type: ignore[arg-type]
    assert told == "side=90/10/5/0.1"
    unpriced = replace(WHOLE, cost_usd=Decimal(0), cost_source="none")
    told = with_threads(unpriced, [request("side", 90)], nothing_known).threads
    assert told == "side=90/10/5/0.0"


def test_each_model_has_its_own() -> None:
    def part(model: str) -> PricedModel:
        cost = Decimal("0.5")
        return PricedModel(model=model, usage=USAGE, cost_usd=cost, cost_source="config")

    several = replace(WHOLE, models=(part("big"), part("small")))
    requests = [request("main", 500), request("subagent", 90, "small"), request("main", 9, "small")]
    told = with_threads(several, requests, a_tenth_of_a_cent_a_token)
    assert told.threads is None
    assert [one.threads for one in told.models] == [None, "subagent=90/10/5/0.1"]


def test_web_searches_stand_there_where_there_are_some() -> None:
    searched = replace(request("side", 40), web_searches=2)
    told = with_threads(WHOLE, [searched], a_tenth_of_a_cent_a_token).threads
    assert told == "side=40/10/5/2/0.05"
    assert from_text(told)[0].web_searches == 2


def test_what_is_no_such_text_is_nothing() -> None:
    uses = [ThreadUse("side", 1, 2, 0, 0, Decimal("0.00003"))]
    assert from_text(as_text(uses)) == uses
    huge = f"side={'9' * 5000}/1/0/0.0"
    for text in (None, "", "x", "side=1/2/3", "side=1/2/3/4", huge):
        assert from_text(text) == []
