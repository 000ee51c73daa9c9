"""Strings that tokenizers get wrong: collected from this Python, and generated; always the same."""

from __future__ import annotations

import itertools
import random
import sysconfig
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SPACES = " \t\n\r\x0b\x0c\x85\xa0\u1680\u2003\u2028\u2029\u202f\u3000\ufeff\u200b\x1c\x1f"
DIGITS = "0123456789٠١٢٣۴५७๓²¾ⅣⅷⅫ①〇一二𝟗𝟘"
MARKS = "\u0300\u0301\u0327\u0345\u0489\u05b8\u064b\u093f\u0e34\u20e3\u3099\ufe0f\ufe20\U0001d165"
EMOJI = "😀👩💻❤🏳🌈👨👧🇩🇪🇺🇳🤷🏽♂🧑🚀1️⃣#⃣©™\u200d\ufe0f"
RTL = "שלום עולם مرحبا بالعالم ۱۲۳ \u200f\u202eabc\u202c پارسی"
CJK = "中文字符，测试。日本語のテキスト・カタカナ한국어 텍스트ｆｕｌｌ－ｗｉｄｔｈ㍿龘𠮷𲎰"
CASES = "aZéÉßẞǅǈʰªºʕŁłIıİiſKÅΣςσДжՖֆᎠꭰꙀꙁ𐐀𐐨𝐀𝐚あア中א𞤀𞤢ˈ"
SPECIAL = (
    "<|endoftext|>",
    "<|endofprompt|>",
    "<|fim_prefix|>",
    "<|fim_suffix|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|start|>",
    "<|message|>",
)
SURROGATES = "\ud800\udbff\udc00\udfff\ud83d\ude00"
WORDS = ("don't", "I'LL", "we’ve", "HTTPServer", "foo_bar", "x", "Straße", "naïve", "=>", "...", "")
CONTRACTIONS = ("s", "t", "re", "ve", "m", "ll", "d", "ſ", "R", "lL", "rve", "sx")


@cache
def corpus() -> tuple[str, ...]:
    """More than 20,000 strings, of 1 to 4,096 characters, none twice."""
    rng = random.Random(20261125)
    made = (collected(rng), blocks(rng), contractions(), runs(), mixes(rng))
    return tuple(dict.fromkeys(itertools.chain(*made)))


def collected(rng: random.Random) -> Iterator[str]:
    """Parts of the standard library's sources and documentation, and lines of them."""
    for text in long_texts():
        for _ in range(20):
            start = rng.randrange(max(1, len(text)))
            yield text[start : start + rng.choice((10, 80, 500))]
        yield from rng.sample(text.splitlines(), min(20, text.count("\n")))


def long_texts() -> list[str]:
    """The standard library's files."""
    stdlib = Path(sysconfig.get_paths()["stdlib"])
    names = ("*.py", "pydoc_data/*.py", "json/*.py", "email/*.py", "asyncio/*.py", "idlelib/*.txt")
    paths = sorted({path for name in names for path in stdlib.glob(name)})
    return [path.read_text("utf-8") for path in paths]


def blocks(rng: random.Random) -> Iterator[str]:
    """Every stretch of 128 code points that has one: alone, in words, with names and numbers."""
    for first in range(0, 0x110000, 128):
        codes = [code for code in range(first, first + 128) if not 0xD800 <= code < 0xE000]
        known = [chr(code) for code in codes if unicodedata.category(chr(code)) != "Cn"]
        if not known:
            if codes and first % 0x1000 == 0:
                yield "".join(map(chr, codes))
            continue
        yield "".join(map(chr, codes))
        yield "".join(f"{char}'s 1{char}2 " for char in rng.sample(known, min(12, len(known))))
        yield unicodedata.name(known[0], "") + " ".join(rng.choices(known, k=12))
        for _ in range(3):
            yield "".join(rng.choices([*known, *"aA1 \n.'/"], k=24))


def contractions() -> Iterator[str]:
    """Endings like 's in every case, after and before all sorts of characters."""
    for ending in CONTRACTIONS:
        for cased in sorted(
            set(map("".join, itertools.product(*((c, c.swapcase()) for c in ending))))
        ):
            for before, after in itertools.product(
                ("", "a", "Z", "é", "中", "1", "!", " "), "x \n'"
            ):
                for mark in "'’":
                    yield f"{before}{mark}{cased}{after}"


def runs() -> Iterator[str]:
    """One character, or a pair, many times."""
    for unit in (*"aAé中0٣ \n\t\r!/'😀\0\u0300\xa0\ud800", "\r\n", " \n", "a ", "Aa", "ab", "12 "):
        for length in (*range(1, 33), 63, 64, 127, 128, 129, 255, 256, 1000, 4096):
            yield unit * (length // len(unit))
            yield f"x{unit * (length // len(unit))}y" if length < 256 else f"{unit * 40}/\n"


def mixes(rng: random.Random) -> Iterator[str]:
    """Random strings of each alphabet, and of several."""
    controls = "".join(map(chr, (*range(32), *range(127, 160))))
    alphabets = [SPACES, DIGITS, MARKS, EMOJI, RTL, CJK, CASES, controls, SURROGATES]
    mixed = [f"{alphabet}aB1 \n'/.".replace("\0", "\0x") for alphabet in alphabets]
    every = "".join(alphabets)
    for _ in range(500):
        for alphabet in (*alphabets, *mixed, every):
            yield "".join(rng.choices(alphabet, k=rng.choice((2, 3, 5, 8, 30))))
        yield "".join(chr(rng.randrange(0x110000)) for _ in range(rng.choice((1, 4, 20))))
        yield "".join(rng.choices((*SPECIAL, *WORDS, *SPACES, "\u200d", "é", "中"), k=12))
        yield rng.choice(SPECIAL)[: rng.randrange(20)] + rng.choice(SPECIAL) + rng.choice(WORDS)
