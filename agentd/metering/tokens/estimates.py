"""Estimates of a text's tokens, for models whose tokenizer isn't public or isn't shipped."""

from __future__ import annotations

from operator import mul

from agentd.metering.tokens.estimate_weights import NAMES, WEIGHTS

TOKENIZERS: dict[str, tuple[float, ...]] = dict(
    zip(NAMES, zip(*WEIGHTS.values(), strict=True), strict=True)
)
"""Each estimate's weights, in the order of ``features``."""

# What a character is, told by the first byte of its UTF-8: one byte a character is left when the
# bytes that follow are deleted. Everything else in ASCII counts as punctuation.
_KINDS = (
    (b"a", range(ord("a"), ord("z") + 1)),
    (b"A", range(ord("A"), ord("Z") + 1)),
    (b"0", range(ord("0"), ord("9") + 1)),
    (b" ", b" "),
    (b"\n", b"\n"),
    (b"\t", b"\t"),
    (b"e", range(0xC2, 0xCC)),  # Latin letters with marks; the signs of Latin-1
    (b"q", range(0xCC, 0xCE)),  # combining marks
    (b"g", range(0xCE, 0xD0)),  # Greek
    (b"r", range(0xD0, 0xD4)),  # Cyrillic
    (b"y", range(0xD4, 0xD6)),  # Armenian
    (b"h", range(0xD6, 0xD8)),  # Hebrew
    (b"b", range(0xD8, 0xE0)),  # Arabic
    (b"i", b"\xe0"),  # Thai, Lao and the scripts of India
    (b"o", b"\xe1"),  # Vietnamese vowels, Georgian, Khmer and others
    (b"p", b"\xe2"),  # typographic signs, arrows, box drawing, the older emoji
    (b"k", b"\xe3"),  # kana, CJK punctuation
    (b"c", range(0xE4, 0xEA)),  # CJK ideographs
    (b"n", range(0xEA, 0xEE)),  # hangul
    (b"f", range(0xEE, 0xF0)),  # full-width forms, private use
    (b"m", range(0xF0, 0xF5)),  # all beyond U+FFFF, such as emoji
)
_SYMBOLS = tuple(bytes((0xE2, second)) for second in range(0x98, 0x9F))  # U+2600 to U+27BF
_FOLLOWING = bytes(range(0x80, 0xC0))
# ``a`` for ASCII letters, ``r`` for those of other scripts that put spaces between words.
_WORD_OF = {b"A": b"a", b"a": b"a", **dict.fromkeys([bytes([c]) for c in b"eqgryhbio"], b"r")}


def _kinds() -> bytes:
    table = bytearray(b"." * 256)
    for kind, first_bytes in _KINDS:
        for byte in first_bytes:
            table[byte] = kind[0]
    return bytes(table)


_KIND = _kinds()
_NUMBER = bytes(ord("0") if chr(byte) in "0123456789" else ord(" ") for byte in range(256))
_WORD = bytes(_WORD_OF.get(bytes([byte]), b" ")[0] for byte in range(256))


def estimate(text: str, tokenizer: str) -> int:
    """About how many tokens ``text`` is: 0 for an empty one, else at least 1.

    ``tokenizer`` is a name in ``TOKENIZERS``; another one is a ValueError. The errors per script
    stand in docs/estimates.md.
    """
    weights = TOKENIZERS.get(tokenizer)
    if weights is None:
        known = ", ".join(TOKENIZERS)
        raise ValueError(f"{tokenizer!r} is no estimate; the estimates are {known}")
    if not text:
        return 0
    found = features(text)
    tokens: float = sum(map(mul, found, weights))
    words = found[0]  # at least a token each
    return max(1, words, round(tokens))


def features(text: str) -> tuple[int, ...]:
    """What is counted in a text, in the order of ``WEIGHTS``; the ASCII part alone if that is all.

    Only byte counts: they run at C's speed, in time linear to the text.
    """
    utf8 = text.encode("utf-8", "surrogatepass")
    kinds = utf8.translate(_KIND, _FOLLOWING)
    words = b" " + kinds.translate(_WORD)
    of, in_words = kinds.count, words.count
    in_numbers = (b" " + utf8.translate(_NUMBER)).count
    in_ascii = (
        in_words(b" a"),
        in_words(b"a"),
        in_words(b"aaaaa"),
        in_words(b"aaaaaaaa"),
        in_words(b"aaaaaaaaaaaa"),
        of(b"A"),
        of(b"Aa"),
        of(b".a") + of(b".A"),
        in_numbers(b" 0"),
        in_numbers(b"0"),
        in_numbers(b"000"),
        of(b" 0"),
        of(b"0."),
        of(b"."),
        of(b" ."),
        of(b". "),
        of(b".\n"),
        of(b"  "),
        of(b"        "),
        of(b"\n ") + of(b"\n\t"),
        of(b"\t"),
        of(b"\n"),
        utf8.count(b", "),
        utf8.count(b"/"),
        len(utf8) - len(utf8.translate(None, b"zqxjkw")),
        utf8.count(b"ch"),
        utf8.count(b"ei"),
        utf8.count(b"un"),
    )
    return in_ascii if len(utf8) == len(text) else in_ascii + _beyond_ascii(utf8, kinds, words)


def _beyond_ascii(utf8: bytes, kinds: bytes, words: bytes) -> tuple[int, ...]:
    of, starting = kinds.count, utf8.count
    # A pair of bytes is only looked for where its first byte occurs: that halves the time.
    indic, e1, signs, e3 = of(b"i"), of(b"o"), of(b"p"), of(b"k")
    thai = starting(b"\xe0\xb8") + starting(b"\xe0\xb9") if indic else 0
    devanagari = starting(b"\xe0\xa4") + starting(b"\xe0\xa5") if indic else 0
    vietnamese = starting(b"\xe1\xba") + starting(b"\xe1\xbb") if e1 else 0
    boxes = starting(b"\xe2\x94") + starting(b"\xe2\x95") if signs else 0
    symbols = sum(map(starting, _SYMBOLS)) if signs else 0
    joiners = starting(b"\xe2\x80\x8d") if signs else 0
    kana = starting(b"\xe3\x81") + starting(b"\xe3\x82") + starting(b"\xe3\x83") if e3 else 0
    full_width, astral = of(b"f"), of(b"m")
    selectors = starting(b"\xef\xb8\x8f") if full_width else 0
    emoji = starting(b"\xf0\x9f") if astral else 0
    return (
        words.count(b" r") + words.count(b"ar"),
        words.count(b"ra"),
        words.count(b"rrrr"),
        of(b"e"),
        of(b"q"),
        of(b"g"),
        of(b"r"),
        of(b"y"),
        of(b"h"),
        of(b"b"),
        thai,
        devanagari,
        indic - thai - devanagari,
        e1 - vietnamese,
        signs - boxes - symbols,
        boxes,
        symbols,
        kana,
        e3 - kana,
        of(b"c"),
        of(b"n"),
        full_width,
        emoji,
        astral - emoji,
        selectors + joiners,
    )
