"""Requests of several sources are united by id: each once, the fuller record wins."""

from __future__ import annotations

import random
import time
from dataclasses import replace

from agentd.metering.requests import ApiRequest, unite, unite_by_numbers
from agentd.metering.usage import ModelUsage

START = ApiRequest(id="m1", model="c", usage=ModelUsage(input_tokens=9, output_tokens=1))
END = replace(START, usage=ModelUsage(input_tokens=9, output_tokens=70), ended=True, finish="stop")
CUT = replace(
    START,
    usage=ModelUsage(input_tokens=9, output_tokens=300),
    estimated=frozenset({"output_tokens"}),
)


def test_the_end_wins_over_a_start_and_over_a_larger_estimate() -> None:
    for order in ([START, END, CUT], [CUT, START, END], [END, CUT, START]):
        assert unite(order) == [END]


def test_what_the_fuller_one_lacks_comes_from_the_others() -> None:
    logged = replace(START, thread="subagent", web_searches=2, variants=(("speed", "fast"),))
    [request] = unite([END, logged])
    assert request == replace(END, thread="subagent", web_searches=2, variants=(("speed", "fast"),))


def test_thousands_of_requests_without_ids_are_matched_in_time() -> None:
    """An agent in a loop; each against each would take minutes."""
    usages = [ModelUsage(input_tokens=n, output_tokens=5) for n in range(20_000)]
    known = [replace(END, id=str(n), usage=usage) for n, usage in enumerate(usages)]
    nameless = [replace(one, id=None) for one in reversed(known)]
    began = time.process_time()
    assert len(unite_by_numbers(known, nameless)) == len(known)
    assert time.process_time() - began < 30


def test_requests_without_an_id_all_stay() -> None:
    nameless = replace(END, id=None)
    assert unite([nameless, nameless, END]) == [nameless, nameless, END]


def test_uniting_again_changes_nothing_and_the_order_of_sources_does_not_count() -> None:
    rng = random.Random(4)
    told = [replace(each, id=f"m{n}") for n in range(5) for each in (START, END)]
    united = unite(told)
    assert unite(united) == united
    for _ in range(20):
        rng.shuffle(told)
        assert sorted(unite(told), key=lambda one: one.id or "") == united


def test_each_count_is_the_largest_that_was_told() -> None:
    """A log splits cache writes by kind, an end does not; a start tells no output."""
    split = ModelUsage(input_tokens=9, output_tokens=1, cache_creation_1h_input_tokens=4)
    [request] = unite([END, replace(START, usage=split)])
    assert request.usage == replace(END.usage, cache_creation_1h_input_tokens=4)
    assert request.exact


def test_an_estimate_gives_way_to_what_was_told_field_by_field() -> None:
    unknown = frozenset({"input_tokens", "output_tokens"})
    guessed = replace(CUT, usage=ModelUsage(input_tokens=50, output_tokens=300), estimated=unknown)
    for order in ([guessed, START], [START, guessed]):
        [request] = unite(order)
        assert request.usage == ModelUsage(input_tokens=9, output_tokens=300)
        assert request.estimated == {"output_tokens"}


def test_a_source_without_ids_tells_of_the_same_requests_by_their_numbers() -> None:
    nameless = replace(END, id=None, thread="side")
    [request] = unite_by_numbers([START], [nameless])
    assert request == replace(END, thread="side")
    other = replace(END, id="m2", model="d")
    assert unite_by_numbers([other], [nameless]) == [other, nameless]
    twice = [replace(END, id="m1"), replace(END, id="m2")]
    assert len(unite_by_numbers(twice, [nameless, nameless, nameless])) == 3
