"""The table of character classes: for every code point what tiktoken's patterns take it for."""

from __future__ import annotations

import re
from functools import cache

import pytest
from support.tiktoken_truth import every_character, matched

from agentd.metering.tokens.split import PATTERNS, Splitter, classes


@cache
def by_class() -> dict[str, set[str]]:
    """All characters, by the one that stands for their class."""
    found: dict[str, set[str]] = {}
    every = every_character()
    for char, kind in zip(every, classes(every).decode("latin-1"), strict=True):
        found.setdefault(kind, set()).add(char)
    return found


def ours(stand_ins: str) -> set[str]:
    wanted = re.compile(f"[{stand_ins}]")
    return set().union(*(chars for kind, chars in by_class().items() if wanted.match(kind)))


@pytest.mark.parametrize(
    ("pattern", "stand_ins"),
    [
        (r"[\p{Lu}\p{Lt}]", "A-Z"),
        (r"\p{Ll}", "a-z\x82"),
        (r"[\p{Lm}\p{Lo}]", "\x80"),
        (r"\p{L}", "A-Za-z\x80\x82"),
        (r"\p{M}", "\x81"),
        (r"\p{N}", "0-9"),
        (r"\s", r"\t-\r "),
        (r"[^\s\p{L}\p{M}\p{N}]", r"\0-\x08\x0e-\x1f!-/:-@\[-`{-\x7f"),
        (r"(?i:s)", "sS\x82"),
        (r"(?i:[tmdrevl])", "tmdrevlTMDREVL"),
        (r"[\r\n]", r"\r\n"),
        (" ", " "),
        ("'", "'"),
        ("/", "/"),
    ],
)
def test_classes_are_those_of_tiktoken(pattern: str, stand_ins: str) -> None:
    expected = matched(pattern)
    found = ours(stand_ins)
    if pattern.startswith("(?i:[") or (len(stand_ins) == 1 and stand_ins.isascii()):
        found = {char for char in found if char.isascii()}  # a stand-in for more than itself
    assert found == expected


@pytest.mark.parametrize("name", PATTERNS)
def test_the_pieces_are_the_text(name: str) -> None:
    splitter = Splitter(name)
    assert b"".join(splitter.pieces(every_character())).decode() == every_character()
    assert list(splitter.pieces("")) == []


def test_pieces() -> None:
    text = "I'll pay 12345, says ÉTÉ's\n\n  x"
    joined = "|"
    assert joined.join(piece.decode() for piece in Splitter("cl100k_base").pieces(text)) == (
        "I|'ll| pay| |123|45|,| says| ÉTÉ|'s|\n\n| | x"
    )
    assert joined.join(piece.decode() for piece in Splitter("o200k_base").pieces(text)) == (
        "I'll| pay| |123|45|,| says| ÉTÉ's|\n\n| | x"
    )
