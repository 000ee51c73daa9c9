"""Exact counts: against tiktoken, with both engines and the choice between them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.slices import SLICE, SLICES
from support.tiktoken_truth import truth
from support.tokens_corpus import CASES, CJK, EMOJI, MARKS, RTL, SPACES, SPECIAL, SURROGATES, corpus

from agentd.errors import UnsupportedModel
from agentd.metering.tokens import count_many, count_once, count_tokens, get_encoding
from agentd.metering.tokens.bpe import PythonEngine
from agentd.metering.tokens.encoding import Encoding
from agentd.metering.tokens.fast import UNSURE, ToktokEngine, unsure

ENCODINGS = ("cl100k_base", "o200k_base")
MODELS = {"cl100k_base": "gpt-4", "o200k_base": "gpt-4o"}
UNICODE_17 = "\u088f\ua7d2\U00010940\U00016ea0\U000187f8\U0001e6c0\U000323b0"

python_engine = cache(PythonEngine)


@cache
def toktok_engine(name: str) -> ToktokEngine:
    pytest.importorskip("toktok")
    return ToktokEngine(name)


def texts() -> tuple[str, ...]:
    """This slice's fifth of the corpus."""
    return corpus()[SLICE::SLICES]


@cache
def true_ids(name: str) -> list[list[int]]:
    return [truth(name).encode_ordinary(text) for text in texts()]


def test_the_corpus_is_large() -> None:
    assert len(corpus()) >= 20_000
    assert sum(text.isascii() for text in corpus()) > 5_000
    assert sum(map(unsure, corpus())) > 500


@pytest.mark.reliability
@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("make", [python_engine, get_encoding])
def test_ids_are_those_of_tiktoken(name: str, make: Callable[[str], Encoding]) -> None:
    engine = make(name)
    wrong = [
        text
        for text, ids in zip(texts(), true_ids(name), strict=True)
        if engine.encode(text) != ids
    ]
    assert wrong == []


@pytest.mark.reliability
@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("make", [python_engine, get_encoding])
def test_counts_are_those_of_tiktoken(name: str, make: Callable[[str], Encoding]) -> None:
    engine = make(name)
    counts = [len(ids) for ids in true_ids(name)]
    assert [engine.count(text) for text in texts()] == counts
    assert get_encoding(name).count_batch(texts()) == counts


@pytest.mark.reliability
@pytest.mark.parametrize("name", ENCODINGS)
def test_the_fast_engine_is_exact_where_it_is_sure(name: str) -> None:
    engine = toktok_engine(name)
    sure = [
        (text, ids) for text, ids in zip(texts(), true_ids(name), strict=True) if not unsure(text)
    ]
    assert len(sure) > 3_600
    assert [text for text, ids in sure if engine.encode(text) != ids] == []
    assert [text for text, ids in sure if engine.count(text) != len(ids)] == []


@pytest.mark.reliability
@pytest.mark.parametrize("name", ENCODINGS)
def test_the_fast_engine_agrees_on_every_code_point_it_is_sure_of(name: str) -> None:
    engine = toktok_engine(name)
    listed = {code for first, last in UNSURE for code in range(first, last + 1)}
    different = set()
    for first in range(64 * SLICE, 0x110000, 64 * SLICES):
        # A letter parts a quote from its "s", a number a group of three digits; case parts Ab.
        probes = {
            code: f"{chr(code)}'s1{chr(code)}23A{chr(code)}Ab\n"
            for code in range(first, first + 64)
            if code not in listed
        }
        text = "".join(probes.values())
        if engine.encode(text) != truth(name).encode_ordinary(text):
            different |= {
                code
                for code, probe in probes.items()
                if engine.encode(probe) != truth(name).encode_ordinary(probe)
            }
    assert different == set()


def test_unsure_is_what_is_listed_and_nothing_else() -> None:
    for first, last in UNSURE:
        assert all(unsure(f"a{chr(code)}b") for code in (first, last))
        assert not any(unsure(chr(code)) for code in (first - 1, last + 1) if not in_list(code))
    assert not any(map(unsure, ("", "a\0", "é", "中文", "😀", "\U0010ffff")))


def in_list(code: int) -> bool:
    return any(first <= code <= last for first, last in UNSURE)


@pytest.mark.parametrize("name", ENCODINGS)
@given(
    text=st.text(
        st.one_of(
            st.characters(codec=None),
            st.integers(0, 0x10FFFF).map(chr),
            st.sampled_from(SPACES + CASES + MARKS + EMOJI + RTL + CJK + SURROGATES + UNICODE_17),
            st.sampled_from("aAsStTlLrReEvVmMdD'’/.!1 \n"),
        ),
        max_size=60,
    )
)
@settings(max_examples=500)
def test_any_text(name: str, text: str) -> None:
    ids = truth(name).encode_ordinary(text)
    encoding = get_encoding(name)
    assert encoding.encode(text) == ids
    assert python_engine(name).encode(text) == ids
    assert encoding.count(text) == encoding.count_once(text) == len(ids)
    assert encoding.count_batch([text, "a", text]) == [len(ids), 1, len(ids)]


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("text", [*SPECIAL, "a\ud83d\ude00b", "\ud83d", "", "\ufeff\ud800"])
def test_special_tokens_are_text_and_surrogates_as_in_tiktoken(name: str, text: str) -> None:
    count = len(truth(name).encode_ordinary(text))
    model = MODELS[name]
    assert count_tokens(text, model) == count_once(text, model) == count
    assert count_many([text, f"{text} x"], model)[0] == count


def test_known_counts() -> None:
    assert count_tokens("hello world", "gpt-4o") == 2
    assert count_tokens("<|endoftext|>", "gpt-4") == 7
    assert count_tokens("", "gpt-4o") == 0
    assert count_many([], "gpt-4o") == []


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("unit", ["a", " ", "\n", "😀", "A", "中", "\u0301", "1", "!"])
def test_long_runs(name: str, unit: str) -> None:
    text = unit * 20_000
    expected = truth(name).encode_ordinary(text)
    assert get_encoding(name).encode(text) == expected
    assert python_engine(name).encode(text) == expected


@pytest.mark.parametrize("name", ENCODINGS)
def test_megabytes(name: str) -> None:
    text = "".join(text for text in corpus() if not unsure(text))
    assert len(text) > 1_000_000
    assert get_encoding(name).count(text) == len(truth(name).encode_ordinary(text))


def test_what_is_no_str() -> None:
    with pytest.raises(TypeError, match="text is of type bytes; expected str"):
        count_tokens(b"abc", "gpt-4o")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="NoneType"):
        count_many(["a", None], "gpt-4o")  # type: ignore[list-item]
    with pytest.raises(TypeError, match="a sequence of them"):
        count_many("abc", "gpt-4o")
    with pytest.raises(TypeError):
        count_once(3, "gpt-4")  # type: ignore[arg-type]


def test_an_unknown_encoding_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'p50k_base'; expected cl100k_base or o200k_base"):
        get_encoding("p50k_base")


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "gemini-2.5-pro", "who-knows"])
def test_models_without_an_encoding_are_estimated(model: str) -> None:
    text = "def add(a, b):\n    return a + b\n"
    assert 5 <= count_tokens(text, model) <= 30
    assert count_many([text, ""], model) == [count_tokens(text, model), 0]
    assert count_once(text, model) == count_tokens(text, model)


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "gemini-2.5-pro", "who-knows"])
def test_an_estimate_is_refused_where_an_exact_count_is_wanted(model: str) -> None:
    with pytest.raises(UnsupportedModel, match=f"{model} is not known"):
        count_tokens("text", model, exact=True)
    for known in ("gpt-4o", "gpt-9-ultra"):  # its own encoding, and that of its relatives
        assert count_tokens("hello world", known, exact=True) == 2


def test_threads_share_an_encoding() -> None:
    fresh = Encoding("cl100k_base")
    texts = [
        f"{text} {UNICODE_17}" if at % 7 == 0 else text for at, text in enumerate(corpus()[:400])
    ]
    expected = [len(truth("cl100k_base").encode_ordinary(text)) for text in texts]
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(fresh.count, texts)) == expected


def run_python(program: str, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, *options, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_exact_without_the_fast_engine() -> None:
    text = f"It's {UNICODE_17} 中文 \U0001f600\n\n don't" * 5
    program = f"""
import sys
sys.modules["toktok"] = None  # importing it raises ImportError
from agentd import count_tokens
from agentd.metering.tokens import count_many
text = {text!r}
print(count_tokens(text, "gpt-4o"), *count_many([text], "gpt-4"))
try:
    count_tokens(b"", "gpt-4o")
except TypeError:
    print("TypeError")
"""
    counts = [len(truth(name).encode_ordinary(text)) for name in ("o200k_base", "cl100k_base")]
    assert run_python(program).split() == [*map(str, counts), "TypeError"]


def test_nothing_is_loaded_before_the_first_count() -> None:
    program = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
import agentd.metering.tokens as tokens
tokens.count_tokens("hello", "claude-sonnet-4-5")
assert not {"toktok", "tiktoken", "regex", "genai_prices"} & set(sys.modules), sys.modules
assert not [path for path in opened if "tokens/data" in path], opened
tokens.count_once("hello", "gpt-4o")
assert "toktok" not in sys.modules
assert [path for path in opened if path.endswith("o200k_base.ranks")]
assert not [path for path in opened if path.endswith("cl100k_base.ranks")]
"""
    run_python(program)


@pytest.mark.parametrize("command", ["--version", "--help", "list", "status", "doctor", "init"])
def test_other_commands_load_no_tokenizer(command: str, tmp_path: object) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "agentd", command],
        cwd=str(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "agentd.cli" in done.stderr
    assert "toktok" not in done.stderr
    assert "agentd.metering.tokens.encoding" not in done.stderr


def test_offline() -> None:
    """Where the system allows it in a network namespace of its own, which has no interface up."""
    program = """
import sys
def no_network(event, args):
    if event.startswith("socket."):
        raise RuntimeError(event)
sys.addaudithook(no_network)
from agentd.metering.tokens import count_many, count_once
print(count_once("hello", "gpt-4o"), *count_many(["hello", "hello world"], "gpt-4"))
"""
    assert run_python(program) == "1 1 2\n"
    apart = ["unshare", "--user", "--net", sys.executable, "-c"]
    try:
        allowed = subprocess.run([*apart, ""], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        allowed = False
    if allowed:
        assert subprocess.check_output([*apart, program], text=True, timeout=60) == "1 1 2\n"
