"""Counts as gateways and other languages write them, and usage that tells a total alone."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from agentd.errors import ParseError
from agentd.metering.dialects.fields import tokens as of_answer
from agentd.providers.codex.cli import CodexParser
from agentd.providers.fields import tokens
from agentd.providers.gemini.cli import GeminiParser
from agentd.providers.gemini.usage import is_unsure, read_usage
from agentd.providers.telemetry import count as of_event

UNDERFLOW = 18446744073709552000  # -1 in 64 bits, as JavaScript prints it


@pytest.mark.parametrize("value", [120, 120.0, Decimal("120.0"), Decimal("1.2e2")])
def test_json_has_one_type_of_numbers(value: object) -> None:
    assert tokens({"n": value}, "n") == of_answer({"n": value}, "n") == 120
    assert type(tokens({"n": value}, "n")) is int


@pytest.mark.parametrize(
    "value", [UNDERFLOW, float(UNDERFLOW), -1, 0.5, Decimal("1e99"), float("nan"), True, "120"]
)
def test_what_is_no_count_is_refused(value: object) -> None:
    with pytest.raises(ParseError, match=r"n is .*; expected a whole number of tokens"):
        tokens({"n": value}, "n")
    assert of_answer({"n": value}, "n") == 0


@pytest.mark.parametrize(
    ("value", "counted"), [(120, 120), ("120", 120), (str(UNDERFLOW), 0), (-1, 0), ("many", 0)]
)
def test_telemetry_may_write_a_count_as_text(value: int | str, counted: int) -> None:
    assert of_event({"n": value}, "n") == counted


def test_a_whole_number_with_a_point_is_counted() -> None:
    parser = CodexParser()
    usage = json.loads('{"input_tokens": 1000.0, "output_tokens": 1e2}', parse_float=Decimal)
    parser.feed({"type": "turn.completed", "usage": usage})
    told = parser.parsed().usage
    assert told is not None
    assert (told.input_tokens, told.output_tokens) == (1000, 100)


TOTAL_ONLY: list[dict[str, Any]] = [
    {"total_tokens": 5000, "input_tokens": 0, "output_tokens": 0, "cached": 0, "input": 0},
    {"tokens": {"prompt": 0, "candidates": 0, "thoughts": 0, "tool": 0, "total": 5000}},
    {"input": 0, "output": 0, "cached": 0, "thoughts": 0, "tool": 0, "total": 5000},
]


@pytest.mark.parametrize("block", TOTAL_ONLY, ids=["stream-json", "json", "log"])
def test_gemini_of_a_total_alone_nothing_is_called_reasoning(block: dict[str, Any]) -> None:
    usage = read_usage(block)
    assert (usage.input_tokens, usage.output_tokens, usage.reasoning_output_tokens) == (5000, 0, 0)
    assert is_unsure(block)
    parser = GeminiParser()
    parser.feed({"type": "result", "status": "success", "stats": {"models": {"m": block}}})
    assert parser.parsed().unsure


def test_gemini_a_total_alone_among_others_is_seen_where_thoughts_are_told() -> None:
    log = {"input": 10, "output": 5, "cached": 0, "thoughts": 2, "tool": 1, "total": 5018}
    assert is_unsure(log)
    assert read_usage(log).input_tokens == 5011
    assert not is_unsure({**log, "total": 18})
    assert not is_unsure({"total_tokens": 18, "input_tokens": 10, "output_tokens": 5})
