"""JSON that keeps every digit, and that any parser reads."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.text import json_text

EVERY_CHARACTER = st.characters(codec=None)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(EVERY_CHARACTER)
    | st.decimals(allow_nan=False, allow_infinity=False, places=40),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(EVERY_CHARACTER), inner),
)


@given(VALUES)
def test_a_parser_reads_back_what_was_given(value: object) -> None:
    assert json.loads(json_text(value), parse_float=Decimal) == value


def test_the_form() -> None:
    document = {"cost_usd": Decimal("0.00000030"), "none": [], "a": [1, {"b": {}}], "p": Path("x")}
    assert (
        json_text(document)
        == """{
  "cost_usd": 0.00000030,
  "none": [],
  "a": [
    1,
    {
      "b": {}
    }
  ],
  "p": "x"
}"""
    )


@pytest.mark.parametrize("text", ["\x1a1.5\x1a", "\\u001a", "\x9b31m", "\u202e", "\ud800", "é模"])
def test_no_text_becomes_a_number_or_steers_a_terminal(text: str) -> None:
    written = json_text({"model": text})
    assert json.loads(written) == {"model": text}
    assert written.replace("\n", "").isprintable()
