"""Writes the table of character classes anew, as the installed tiktoken has them.

    python tests/generate/unicode_table.py > agentd/metering/tokens/data/unicode-16.0.txt

Needed when tests/metering/test_tokens_split.py says that tiktoken has another version of Unicode.
"""

from __future__ import annotations

from itertools import groupby

from support.tiktoken_truth import matched

CLASSES = {
    "Lu": r"[\p{Lu}\p{Lt}]",
    "Ll": r"\p{Ll}",
    "Lo": r"[\p{Lm}\p{Lo}]",
    "M": r"\p{M}",
    "N": r"\p{N}",
    "Z": r"\s",
}


def main() -> None:
    """Print the table."""
    found = {char: name for name, pattern in CLASSES.items() for char in matched(pattern)}
    named = ((code, found.get(chr(code), "-")) for code in range(0x80, 0x110000))
    for name, run in groupby(named, key=lambda each: each[1]):
        print(f"{next(run)[0]:X} {name}")


if __name__ == "__main__":
    main()
