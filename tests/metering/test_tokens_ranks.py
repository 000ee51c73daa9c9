"""The ranks that come with agentd are OpenAI's, byte for byte."""

from __future__ import annotations

import hashlib

import pytest
from support.tiktoken_truth import SHA256, rank_file

from agentd.metering.tokens.bpe import load_ranks, merge


@pytest.mark.parametrize(("name", "tokens"), [("cl100k_base", 100_256), ("o200k_base", 199_998)])
def test_ranks_are_those_that_openai_publishes(name: str, tokens: int) -> None:
    assert len(load_ranks(name)) == tokens
    assert hashlib.sha256(rank_file(name)).hexdigest() == SHA256[name]


def test_merging_joins_the_lowest_rank_first_and_the_leftmost_of_equals() -> None:
    ranks = {b"a": 0, b"b": 1, b"c": 2, b"bc": 3, b"ab": 4, b"aa": 5, b"aaa": 6}
    assert list(merge(b"abc", ranks)) == [0, 3]
    assert list(merge(b"aaaa", ranks)) == [5, 5]
    assert list(merge(b"aaa", ranks)) == [6]
    assert list(merge(b"c", ranks)) == [2]
