"""Large ledgers are scanned by patterns: the same tokens as ruamel's, in a bounded time."""

from __future__ import annotations

import random
import time
import warnings
from typing import Any

import pytest
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from agentd.ledger import yaml_nodes
from agentd.ledger.source import Malformed
from agentd.ledger.yaml_scanner import BulkReader, BulkScanner

PIECES = [
    *("a", "é", "0", "x y", " ", "  ", "\t", "\n", "\n", "\n  ", "\n    ", "\r", "\r\n", "\x85"),
    *("b: ", ": ", ":", "- ", "? ", "?", ", ", "[", "]", "{", "}", "'", '"', "''", "\\", "*a "),
    *(" #c\n", "# c", "&a ", "!t ", "---", "...", "\n---\n", "\n...\n", "%YAML 1.1\n---\n"),
    *("\\n", "\\x41", "\\u00e9", "\\ ", "\\\t", "\\\n", '"a\\  \n b', "\u2028", "\ufeff"),
    *("k: v\n", "k:\n  - a\n", 'k: "a\n  b\n\n  c', "k: '", "k: |\n  ", "k: >\n  ", "|2\n"),
    *("|\n", ">\n", "|-\n  ", ">+\n  ", "  a\n   b\n", "word word\n  word\n\n  word"),
]


def tokens(text: str, *, in_bulk: bool) -> list[Any]:
    yaml = YAML(typ="safe", pure=True)
    if in_bulk:
        yaml.Reader, yaml.Scanner = BulkReader, BulkScanner
    found: list[Any] = []
    try:
        for token in yaml.scan(text):
            marks = [(m.index, m.line, m.column) for m in (token.start_mark, token.end_mark)]
            value = [getattr(token, name, None) for name in ("value", "plain", "style")]
            found.append((type(token).__name__, value, marks))
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        found.append((type(error), getattr(error, "problem", None), mark and mark.line))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_tokens_are_those_of_ruamel(seed: int) -> None:
    chosen = random.Random(seed)
    for _ in range(500):
        text = "".join(chosen.choices(PIECES, k=chosen.randint(1, 25)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert tokens(text, in_bulk=True) == tokens(text, in_bulk=False), repr(text)


MB3 = 3_000_000
WORDS = "word " * 14 + "word"
LINES = [WORDS] * (MB3 // 75)
BIG = {
    "plain": "x" * MB3,
    "plain, words": "word " * (MB3 // 5) + "word",
    "plain, lines": "\n  ".join(LINES),
    "plain, empty lines": "a" + "\n" * MB3 + "  a",
    "plain, blanks": "a\n  b" + " " * MB3 + "c",
    "double, lines": '"' + "\n  ".join(LINES) + '"',
    "double, empty lines": '"' + "\n" * MB3 + '  a"',
    "double, blanks": '"a\n  b' + " " * MB3 + 'c"',
    "single, lines": "'" + "\n  ".join(LINES) + "'",
    "literal": "|\n  " + "\n  ".join(LINES),
    "literal, short lines": "|" + "\n  a" * (MB3 // 4),
    "literal, empty lines": "|" + "\n" * MB3 + "  a",
    "folded": ">\n  " + "\n  ".join(LINES),
    "folded, short lines": ">" + "\n  a\n   b" * (MB3 // 9),
    "digits": "9" * MB3,
    "digits in groups": "1" + "_1" * (MB3 // 2),
    "a fraction": "1." + "0" * MB3,
    "comments": "a\n" + f"# {WORDS}\n" * (MB3 // 75),
    "a comment": "|\n  a\n# " + "x" * MB3,
}


@pytest.mark.parametrize("kind", BIG)
def test_a_value_of_3_mb(kind: str) -> None:
    """ruamel alone takes 2 to 10 s of the processor for most of them."""
    took_s = []
    for _ in range(3):
        began = time.process_time()
        root = yaml_nodes.compose(f"change_id: a\nx: {BIG[kind]}\n")
        took_s.append(time.process_time() - began)
        if took_s[-1] < 1:
            break
    assert min(took_s) < 1
    assert [key.value for key, _ in root.value] == ["change_id", "x"]


def test_a_key_of_3_mb_is_an_error_that_names_its_line() -> None:
    began = time.process_time()
    with pytest.raises(Malformed, match="line 2: could not find expected ':'"):
        yaml_nodes.compose(f"change_id: a\n{'k' * MB3}: a\n")
    assert time.process_time() - began < 1
