"""The fast engine: toktok-rs, where it is installed. It is exact but for newer Unicode."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from itertools import chain

# What toktok 0.3 (Unicode 17.0) takes for letters, marks and numbers, and tiktoken (16.0) doesn't
# know yet; and surrogates, at which toktok raises. Found by asking both about every code point.
UNSURE = (
    *((0x88F, 0x88F), (0xC5C, 0xC5C), (0xCDC, 0xCDC), (0x1ACF, 0x1ADD), (0x1AE0, 0x1AEB)),
    *((0xA7CE, 0xA7CF), (0xA7D2, 0xA7D2), (0xA7D4, 0xA7D4), (0xA7F1, 0xA7F1), (0xD800, 0xDFFF)),
    *((0x10940, 0x10959), (0x10EC5, 0x10EC7), (0x10EFA, 0x10EFB), (0x11B60, 0x11B67)),
    *((0x11DB0, 0x11DDB), (0x11DE0, 0x11DE9), (0x16EA0, 0x16EB8), (0x16EBB, 0x16ED3)),
    *((0x16FF2, 0x16FF6), (0x187F8, 0x187FF), (0x18D09, 0x18D1E), (0x18D80, 0x18DF2)),
    *((0x1E6C0, 0x1E6DE), (0x1E6E0, 0x1E6F5), (0x1E6FE, 0x1E6FF), (0x2B73A, 0x2B73F)),
    *((0x2CEA2, 0x2CEAD), (0x323B0, 0x33479)),
)


def load_fast(name: str) -> ToktokEngine | None:
    """The engine for the encoding ``name``; None where toktok has no wheel to install."""
    try:
        return ToktokEngine(name)
    except ImportError:
        return None


class ToktokEngine:
    """Counts with the encoding ``name``. Raises ImportError without toktok.

    It is exact, unless :func:`unsure`; threads may share it. Loading takes up to half a second.
    """

    def __init__(self, name: str) -> None:
        import toktok  # type: ignore[import-untyped]

        # Its public batch_count() gives no ids and takes 45 µs for one short text; this takes 1.
        # toktok's README names it for those who need ids.
        tokenizer = toktok._encoding(name)
        # Special tokens are plain text to both. One text after the other is as fast as its batches.
        self.count: Callable[[str], int] = tokenizer.count
        self.encode: Callable[[str], list[int]] = tokenizer.encode_ordinary


def unsure(text: str) -> bool:
    """Whether toktok may count ``text`` otherwise than tiktoken, or not at all."""
    return not text.isascii() and _unsure_pattern().search(text) is not None


@cache  # compiling it takes 5 ms
def _unsure_pattern() -> re.Pattern[str]:
    # A set of all others, negated, so that `re` stops at the first range for nearly all text: a
    # sixth of the time. Beyond U+FFFF it tries one range after the other: that of emoji first.
    ends = (0, *chain.from_iterable((first, last + 1) for first, last in UNSURE), 0x110000)
    ranges = sorted(
        ((first, end - 1) for first, end in zip(ends[::2], ends[1::2], strict=True)),
        key=lambda each: not each[0] <= 0x1F600 <= each[1],
    )
    sure = "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges)
    return re.compile(f"[^{sure}]")
