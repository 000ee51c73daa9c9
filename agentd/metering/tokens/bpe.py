"""Byte-pair encoding in plain Python: exact, at home everywhere, and soon loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from heapq import heapify, heappop, heappush
from itertools import accumulate, pairwise
from pathlib import Path

from agentd.metering.tokens.split import Splitter

_DATA = Path(__file__).parent / "data"


class PythonEngine:
    """Counts with the encoding ``name``; threads may share it."""

    def __init__(self, name: str) -> None:
        self._ranks = load_ranks(name)
        self._splitter = Splitter(name)

    def encode(self, text: str) -> list[int]:
        """The ids of the text's tokens; special ones are plain text."""
        return list(self._ids(text))

    def count(self, text: str) -> int:
        """How many tokens the text has."""
        return sum(1 for _ in self._ids(text))

    def _ids(self, text: str) -> Iterator[int]:
        ranks = self._ranks
        for piece in self._splitter.pieces(text):
            rank = ranks.get(piece)
            if rank is None:
                yield from merge(piece, ranks)
            else:
                yield rank


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


def merge(piece: bytes, ranks: Mapping[bytes, int]) -> Iterator[int]:
    """The ids of the tokens of one piece, which is not empty.

    It begins as single bytes. Of all neighbours that are a token together, those of the lowest rank
    are joined, the leftmost of equal ones, until there are none. A queue keeps that O(n log n).
    """
    size = len(piece)
    # A part is known by where it begins: where it ends, where the part before it begins, and the
    # rank of the token it makes with the part after it.
    end = list(range(1, size + 1))
    before = list(range(-1, size - 1))
    joint = [ranks.get(piece[at : at + 2]) for at in range(size - 1)] + [None]
    queue = [rank * size + at for at, rank in enumerate(joint) if rank is not None]
    heapify(queue)

    def pair(left: int, right: int) -> None:
        rank = joint[left] = ranks.get(piece[left : end[right]])
        if rank is not None:
            heappush(queue, rank * size + left)

    while queue:
        rank, at = divmod(heappop(queue), size)
        if joint[at] != rank:
            continue  # queued before one of the two was joined with another
        gone = end[at]
        after = end[at] = end[gone]
        joint[gone] = joint[at] = None
        if after < size:
            before[after] = at
            pair(at, after)
        if at:
            pair(before[at], at)
    at = 0
    while at < size:
        yield ranks[piece[at : end[at]]]
        at = end[at]
