"""The estimates against counts of real tokenizers, and the bounds that docs/estimates.md gives."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.metering.tokens.estimate_weights import NAMES, WEIGHTS
from agentd.metering.tokens.estimates import TOKENIZERS, estimate, features

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures" / "tokens"
TEXTS: list[dict[str, Any]] = [
    json.loads(line) for line in (FIXTURES / "texts.jsonl").read_text(encoding="utf-8").splitlines()
]
SCRIPTS = list(dict.fromkeys(row["script"] for row in TEXTS))
# The one estimate that stands for tokenizers with a truth of their own.
TRUTHS = [(name, name) for name in NAMES if name != "generic-estimate"]
TRUTHS += [("generic-estimate", "o200k_base"), ("generic-estimate", "cl100k_base")]


def _documented() -> dict[tuple[str, str, str], list[str]]:
    """The cells of each row of the tables in docs/estimates.md, by estimate, truth and script."""
    found: dict[tuple[str, str, str], list[str]] = {}
    heads = iter(TRUTHS)
    head: tuple[str, str] | None = None
    for line in (ROOT / "docs" / "estimates.md").read_text(encoding="utf-8").splitlines():
        if re.match(r"### `[a-z0-9-]+-estimate` against ", line):
            head = next(heads)
            assert f"`{head[0]}`" in line
        elif head and line.startswith("| ") and not line.startswith("| text"):
            script, *cells = [cell.strip() for cell in line.strip("|").split("|")]
            found[(*head, script)] = cells
    return found


DOCUMENTED = _documented()


def _errors(estimated: str, truth: str, script: str) -> list[float]:
    """Per text, how far the estimate is from the count, in percent of the count."""
    rows = [row for row in TEXTS if row["script"] == script]
    return [
        abs(estimate(row["text"], estimated) - row["tokens"][truth]) / row["tokens"][truth] * 100
        for row in rows
    ]


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize(("estimated", "truth"), TRUTHS, ids=[f"{a}-{b}" for a, b in TRUTHS])
def test_the_documented_error_holds(estimated: str, truth: str, script: str) -> None:
    ninety = DOCUMENTED[estimated, truth, script][2]
    assert median(_errors(estimated, truth, script)) <= float(ninety) + 0.5


@pytest.mark.parametrize(("estimated", "truth"), TRUTHS, ids=[f"{a}-{b}" for a, b in TRUTHS])
def test_most_texts_are_within_the_documented_90_percent(estimated: str, truth: str) -> None:
    within = [
        error <= float(DOCUMENTED[estimated, truth, script][2]) + 0.5
        for script in SCRIPTS
        for error in _errors(estimated, truth, script)
    ]
    assert sum(within) >= 0.85 * len(within)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "generic-estimate"])
def test_much_nearer_than_a_quarter_of_the_characters(name: str) -> None:
    ours = median(error for script in SCRIPTS for error in _errors(name, name, script))
    quarter = median(
        abs(len(row["text"]) / 4 - row["tokens"][name]) / row["tokens"][name] * 100 for row in TEXTS
    )
    assert ours < quarter / 3


def test_every_script_of_the_docs_but_signs_has_texts() -> None:
    assert {script for *_, script in DOCUMENTED} == {*SCRIPTS, "signs"}
    assert len(DOCUMENTED) == len(TRUTHS) * (len(SCRIPTS) + 1)


def test_every_count_names_its_source() -> None:
    sources = json.loads((FIXTURES / "tokenizers.json").read_text(encoding="utf-8"))
    assert {name for row in TEXTS for name in row["tokens"]} == set(sources)
    assert all(source["package"] and source["version"] for source in sources.values())


@pytest.mark.parametrize("name", TOKENIZERS)
def test_small_and_odd_texts(name: str) -> None:
    assert estimate("", name) == 0
    for text in (" ", "a", "\n", "\x00", "\ud800", "a\udfffb", "\U0010ffff", "\u0301", "\r\n"):
        assert 1 <= estimate(text, name) <= 6, text


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize(
    ("text", "tokens"),
    [("hello", 1), ("do it", 2), ("What is your name?", 5), ("x = y + 1", 6), ('{"a": 1}', 6)],
)
def test_short_texts_are_about_right(text: str, tokens: int, name: str) -> None:
    assert tokens - 1 <= estimate(text, name) <= tokens + 1
    assert estimate(text, name) >= len(re.findall("[a-z]+", text))


def test_a_name_that_is_none_is_an_error_that_names_them() -> None:
    with pytest.raises(ValueError, match=r"'gpt-estimate' is no estimate.*claude-estimate"):
        estimate("text", "gpt-estimate")


ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


@given(ANY_TEXT, st.sampled_from(list(TOKENIZERS)))
def test_any_text_has_an_estimate(text: str, name: str) -> None:
    assert bool(text) <= estimate(text, name) <= 8 * len(text)


@given(ANY_TEXT)
def test_features_are_counts_in_the_order_of_the_weights(text: str) -> None:
    found = features(text)
    assert len(found) in {len(WEIGHTS), len(features("a"))}
    assert all(count >= 0 for count in found)


@pytest.mark.parametrize(
    ("feature", "text", "count"),
    [
        ("words", "one twoThree 4", 2),
        ("letters", "one twoThree 4", 11),
        ("words: letters // 5", "the explanations", 2),
        ("capitals", "HTTP Get", 5),
        ("numbers", "1, 22 x3 4.5", 5),
        ("digits // 3", "1234567", 2),
        ("indented lines", "a\n  b\n\tc\n", 2),
        ("letters z q x j k w", "six zebras", 2),
        ("words of other scripts", "привет, мир", 2),
        ("cyrillic", "привет, мир", 9),
        ("thai", "ภาษา ລາວ", 4),
        ("other scripts of india", "ภาษา தமிழ்", 5),
        ("kana", "カナと漢字。", 3),
        ("cjk punctuation", "カナと漢字。", 1),
        ("cjk ideographs", "カナと漢字。", 2),
        ("hangul", "한국어", 3),
        ("emoji", "ok 🎉🚀", 2),
        ("symbols and older emoji", "✅ ❌ →", 2),
        ("typographic signs", "✅ ❌ →", 1),
        ("box drawing", "├── a", 3),
        ("other beyond U+FFFF", "𝐇 🎉", 1),
        ("variation selectors and joiners", "❤️ 👩‍💻", 2),
    ],
)
def test_what_is_counted(feature: str, text: str, count: int) -> None:
    assert dict(zip(WEIGHTS, features(text), strict=False))[feature] == count


def test_an_estimate_grows_with_the_text() -> None:
    for unit in ("a", " ", "=", "1", "é", "漢", "🎉", "\n"):
        small, large = (estimate(unit * n, "claude-estimate") for n in (10_000, 1_000_000))
        assert large == pytest.approx(100 * small, rel=0.01)


def test_loading_it_loads_no_tokenizer_and_no_prices() -> None:
    code = (
        "import sys, agentd.metering.tokens.estimates;"
        "print([m for m in ('toktok', 'regex', 'tiktoken', 'genai_prices') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
