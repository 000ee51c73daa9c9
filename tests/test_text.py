"""Text for a terminal."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.text import cut, json_text, one_line, plain, some_of, table, width


@given(st.text(st.characters(codec=None)))
def test_nothing_steers_a_terminal(text: str) -> None:
    shown = one_line(text)
    assert shown == one_line(shown)
    assert not any(sign < " " or "\x7f" <= sign <= "\x9f" for sign in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028")
    shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb\tc\nd", "ab c d"),
        ("\x1b]0;title\x07gpt", "gpt"),
        ("a\r\x00\u202eb", "ab"),
        (" \x1b[2J ", "-"),
        ("", "-"),
        ("\ud800", "\ufffd"),
    ],
)
def test_one_line(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_plain_keeps_tabs_and_lines() -> None:
    assert plain("a\x1b[31mb\tc\nd") == "ab\tc\nd"


def test_of_many_names_the_first_are_told() -> None:
    assert some_of(["a", "b"], 2) == "a, b"
    assert some_of([*"abcd"], 2) == "a, b and 2 more"
    assert some_of([]) == ""


def test_wide_and_combining_signs() -> None:
    assert [width(text) for text in ("abc", "模型", "e\u0301", "é")] == [3, 4, 1, 1]
    assert cut("模型模型", 5, "…") == "模型…"
    assert cut("模型模型", 4, "…") == "模…"
    assert cut("abcd", 4, "…") == "abcd"
    assert table([["NAME", "N"], ["模型", "1"], ["abcde", "12"]]) == (
        "NAME    N\n模型    1\nabcde  12"
    )


@given(st.text(), st.integers(3, 20))
def test_a_cut_text_fits(text: str, columns: int) -> None:
    assert width(cut(text, columns, "...")) <= columns


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
