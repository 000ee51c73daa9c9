"""What counts as a call whose cost is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import agentd
from agentd.metering.unpriced import is_unpriced


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
