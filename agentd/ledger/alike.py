"""Calls in agentd's own layout as text, to be summed up by the lines that many of them share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from agentd.frozen import frozen
from agentd.ledger import own_grammar, rows
from agentd.ledger.rows import Row


@frozen()
class AlikeCalls:
    """The calls of a ledger; to sum them up takes a third of the time that rows take.

    ``kinds`` says of each which of KINDS it is. ``hours`` are such as ``2026-11-24T15`` in UTC. The
    numbers are as they stand there. None is what a call does not have.
    """

    change_id: str
    text: str
    ids: Sequence[str]
    kinds: Sequence[int]
    tokens_in: Sequence[str]
    tokens_out: Sequence[str]
    tokens_cache_read: Sequence[str | None]
    costs_usd: Sequence[str]
    hours: Sequence[str | None]

    def rows(self) -> list[Row]:
        """The same calls one by one."""
        found = own_grammar.columns(self.text, own_grammar.SUMS)
        return rows.of_columns(self.change_id, found or {})


KINDS: list[Row] = []
"""Calls that used nothing, one for all that are the same but for their numbers, id and time."""


class _Kinds(dict[tuple[str, str], int]):
    """Which of KINDS a call is, by its lines from the step to the numbers, and from the source on.

    Raises ValueError for lines that are not sound, or that need a look by themselves.
    """

    def __missing__(self, lines: tuple[str, str]) -> int:
        head, tail = lines
        numbers = "    tokens_in: 0\n    tokens_out: 0\n    cost_usd: 0.0\n"
        found = own_grammar.columns(f"  -{head[3:]}{numbers}{tail}", own_grammar.SUMS)
        row = rows.of_columns("", found)[0] if found else None
        if row is None or row.threads is not None:
            raise ValueError(f"not alone in what they say: {lines}")
        number = self[lines] = len(KINDS)
        KINDS.append(row)
        return number


_kinds = _Kinds()
_hours: set[str | None] = {None}


def of_columns(change_id: str, found: own_grammar.Columns) -> AlikeCalls | None:
    """Calls that were read for ALIKE; None when one is not sound, or needs a look by itself."""
    if "head" not in found:
        return None
    ids, heads, tokens_in, tokens_out, cached, costs_usd, tails, hours = (
        found[name] for name in own_grammar.ALIKE
    )
    try:
        kinds = list(map(_kinds.__getitem__, zip(heads, tails, strict=True)))
        if not _hours.issuperset(hours):
            new = set(hours) - _hours
            for hour in new:
                datetime.fromisoformat(hour)
            _hours.update(new)
    except ValueError:
        return None
    numbers = (tokens_in, tokens_out, cached, costs_usd)
    return AlikeCalls(change_id, str(found["text"]), ids, kinds, *numbers, hours)
