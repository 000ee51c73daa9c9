"""The tokens of an encoding, from the package's data."""

from __future__ import annotations

from itertools import accumulate, pairwise
from pathlib import Path

_DATA = Path(__file__).parent / "data"


def load_ranks(name: str) -> dict[bytes, int]:
    """Every token of the encoding ``name`` and its rank, which is its id; 0 is the first.

    The file holds the number of tokens (4 bytes, little-endian), their lengths (a byte each) and
    the tokens themselves, in the order of their ranks.
    """
    data = (_DATA / f"{name}.ranks").read_bytes()
    first = 4 + int.from_bytes(data[:4], "little")
    ends = accumulate(data[4:first], initial=first)
    tokens = [data[start:end] for start, end in pairwise(ends)]
    return dict(zip(tokens, range(len(tokens)), strict=True))
