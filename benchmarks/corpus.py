"""Real mixed text from files that every Python brings along: code, documentation, Unicode data."""

from __future__ import annotations

import json
import random
import sysconfig
from collections.abc import Iterator
from pathlib import Path

# Scripts and encodings of all kinds stand in the test data; the rest is code and documentation.
_PATTERNS = ("*.py", "*.txt", "*.rst", "*.md", "test/**/*.txt", "test/**/*.py")


def stdlib_texts() -> Iterator[str]:
    """The text files of the standard library, in a fixed order."""
    root = Path(sysconfig.get_paths()["stdlib"])
    found = {path for pattern in _PATTERNS for path in root.rglob(pattern)}
    for path in sorted(path for path in found if "site-packages" not in path.parts):
        try:
            yield path.read_text("utf-8")
        except UnicodeDecodeError:
            continue


def pieces(count: int, *, seed: int = 1) -> Iterator[str]:
    """So many pieces of 300 to 700 characters, in order; then from the start again."""
    rng = random.Random(seed)
    whole = "\n".join(stdlib_texts())
    at = 0
    for _ in range(count):
        if at > len(whole) - 700:
            at = rng.randrange(300)
        size = rng.randint(300, 700)
        yield whole[at : at + size]
        at += size


def write_jsonl(path: Path, texts: Iterator[str]) -> None:
    """One object with ``id`` and ``text`` in each line."""
    with path.open("w", encoding="utf-8") as file:
        for number, text in enumerate(texts):
            file.write(json.dumps({"id": number, "text": text}, ensure_ascii=False) + "\n")
