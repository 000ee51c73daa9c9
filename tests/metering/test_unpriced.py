"""What counts as a call whose cost is missing."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

import agentd
from agentd.metering.unpriced import is_unpriced, shown_cost


@pytest.mark.parametrize(
    ("model", "cost_source", "tokens", "unpriced"),
    [
        ("gpt-9-ultra", "none", 1, True),
        ("gpt-9-ultra", "none", 0, False),  # nothing used, nothing missing
        ("gpt-9-ultra", "config", 1, False),
        ("gpt-oss:20b", "none", 1, False),  # local
        ("ollama/llama3", "none", 1, False),
    ],
)
def test_is_unpriced(model: str, cost_source: str, tokens: int, unpriced: bool) -> None:
    assert is_unpriced(model, cost_source, tokens) is unpriced


def test_it_is_decided_in_one_place() -> None:
    package = Path(agentd.__file__).parent
    own = re.compile(r'cost_source == "none" and .*local')
    deciders = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if own.search(path.read_text())
    }
    assert deciders == {"metering/unpriced.py"}


@pytest.mark.parametrize(
    ("unpriced", "partial", "tokens", "local", "shown"),
    [
        (0, 0, 0, False, "$0.000000"),
        (0, 1, 9, True, "(local)"),
        (1, 0, 9, True, "unpriced"),  # somebody may bill a part of it
        (1, 0, 9, False, "unpriced"),
        (0, 1, 0, False, "unknown"),
    ],
)
def test_a_cost_of_zero_says_what_it_is(
    unpriced: int, partial: int, tokens: int, local: bool, shown: str
) -> None:
    counts = {"unpriced": unpriced, "partial": partial, "tokens": tokens}
    assert shown_cost(Decimal(0), **counts, local=local) == shown
    assert shown_cost(Decimal(1), **counts, local=local) == "$1.000000"
