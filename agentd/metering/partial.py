"""Calls of which something is not known: did they use at least what is told, or about as much?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, Protocol

from agentd.metering.words import Accuracy

PARTIAL: Accuracy = "heuristic"
"""Something of a call of this accuracy is not known, such as the rest of an answer that was cut."""

INPUT_ESTIMATED = "input is estimated"
TOLD_NOTHING = "it told nothing of its usage"
EARLIER_RUNS = "what earlier runs of its session used is not known"
TOTAL_ONLY = "the API told a total of tokens without its parts"
NOT_TOLD_APART = "thoughts and tool prompts of side calls are not told apart"
NO_PRICE = "no price for"
SEARCHES = "web searches"
_MAY_BE_LESS = frozenset({INPUT_ESTIMATED, TOLD_NOTHING, EARLIER_RUNS, TOTAL_ONLY, NOT_TOLD_APART})


def is_estimate(accuracy: str, why: str | None, tokens: int) -> bool:
    """Whether a call may have used less than is told of it, by what is not known of it.

    ``tokens`` are all that are told, input and output: nothing uses less than none. Of an answer
    that was cut only the text that came is counted, and what is missing is missing: such a call
    used at least that.
    """
    return accuracy == PARTIAL and tokens > 0 and why is not None and _may_be_less(why)


def reason_of(reasons: Iterable[str | None]) -> str | None:
    """The first reason that there is, and what of the others makes a call an estimate."""
    first, *others = [*filter(None, reasons)] or [""]
    doubts = [part for one in others for part in one.split("; ") if part in _MAY_BE_LESS]
    return "; ".join(dict.fromkeys([*first.split("; "), *doubts])) or None


class Judged(Protocol):
    """A call with its accuracy and what is not known of it."""

    @property
    def accuracy(self) -> str: ...
    @property
    def why(self) -> str | None: ...


def whys_of(calls: Iterable[Judged]) -> Counter[str]:
    """How many calls are partial for what reason."""
    return Counter(call.why or "" for call in calls if call.accuracy == PARTIAL)


@lru_cache(maxsize=1024)
def _may_be_less(why: str) -> bool:
    parts = why.split("; ")
    # A service tier without a price may be a cheaper one; a fee without a price is missing.
    unpriced = any(f": {NO_PRICE} " in part and not part.endswith(SEARCHES) for part in parts)
    return unpriced or not _MAY_BE_LESS.isdisjoint(parts)


def bound(partial: int, estimated: int) -> Literal["", "about", "at least"]:
    """The word for a sum; ``estimated`` of its ``partial`` calls may have used less."""
    if estimated:
        return "about"
    return "at least" if partial else ""
