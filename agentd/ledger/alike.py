"""Calls in agentd's own layout as text, to be summed up by the lines that many of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from agentd.ledger import own_grammar, rows
from agentd.ledger.rows import Row

_HEAD, _TAIL = "    step: a\n    model: a\n", "    cost_source: none\n"


class AlikeCalls(NamedTuple):
    """The calls of a ledger; to sum them up takes half as long as by rows.

    ``heads`` are the lines of each call from its step on up to the numbers, ``tails`` those from
    its ``cost_source`` on, ``hours`` such as ``2026-11-24T15`` in UTC. The numbers are as they
    stand there. None is what a call does not have.
    """

    change_id: str
    text: str
    ids: Sequence[str]
    heads: Sequence[str]
    tokens_in: Sequence[str]
    tokens_out: Sequence[str]
    tokens_cache_read: Sequence[str | None]
    costs_usd: Sequence[str]
    tails: Sequence[str]
    hours: Sequence[str | None]

    def rows(self) -> list[Row]:
        """The same calls one by one."""
        found = own_grammar.columns(self.text, own_grammar.SUMS)
        return rows.of_columns(self.change_id, found or {})


def of_columns(change_id: str, found: own_grammar.Columns) -> AlikeCalls | None:
    """Calls that were read for ALIKE; None when one is not sound, or needs a look by itself."""
    if "head" not in found:
        return None
    columns = (found[name] for name in own_grammar.ALIKE)
    calls = AlikeCalls(change_id, str(found["text"]), *columns)
    sound = (
        _all(calls.heads, _known_heads, lambda head: words(head, _TAIL) is not None)
        and _all(calls.tails, _known_tails, _can_be_alike)
        and _all(filter(None, calls.hours), _known_hours, _is_hour)
    )
    return calls if sound else None


@lru_cache(maxsize=10_000)
def words(head: str, tail: str) -> Row | None:
    """A call of these lines that used nothing; None when they are not sound."""
    numbers = "    tokens_in: 0\n    tokens_out: 0\n    cost_usd: 0.0\n"
    found = own_grammar.columns(f"  -{head[3:]}{numbers}{tail}", own_grammar.SUMS)
    return rows.of_columns("", found)[0] if found else None


_known_heads: set[str] = set()
_known_tails: set[str] = set()
_known_hours: set[str] = set()
_MOST_KNOWN = 10_000  # of each, and those of one ledger


def _all(texts: Iterable[str], known: set[str], is_right: Callable[[str], bool]) -> bool:
    """Whether all texts are right; ``known`` are those that are, which is asked once."""
    if known.issuperset(texts):
        return True
    new = set(texts) - known
    if not all(map(is_right, new)):
        return False
    if len(known) > _MOST_KNOWN:
        known.clear()
    known |= new
    return True


def _can_be_alike(tail: str) -> bool:
    """Whether it tells where the cost is from, and no thread but the main one."""
    row = words(_HEAD, tail)
    return row is not None and tail.startswith("    cost_source:") and row.threads is None


def _is_hour(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
