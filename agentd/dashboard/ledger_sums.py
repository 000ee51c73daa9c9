"""What the calls of one ledger add up to, small enough to keep those of a thousand ledgers."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, localcontext
from operator import add
from typing import Any, NamedTuple

from agentd.ledger.rows import Row
from agentd.metering.money import EXACT
from agentd.metering.partial import PARTIAL, bound, is_estimate, whys_of
from agentd.metering.totals import Totals, summarise


class Cell(NamedTuple):
    """What one model used for one step in one minute, asked by one provider ("": not known).

    ``minute`` is in UTC since 1970, None for calls without a time. ``tokens_in`` is all input,
    ``tokens_cached`` the part of it that came from a cache. A call that several models answered is
    counted in ``calls`` of the first. Something is not known of ``partial`` calls; ``estimated`` of
    these may have used less (``metering.partial``).
    """

    minute: int | None
    step: str
    model: str
    calls: int
    cost_usd: Decimal
    tokens_in: int
    tokens_out: int
    tokens_cached: int
    provider: str = ""
    partial: int = 0
    estimated: int = 0


class LedgerSums(NamedTuple):
    """``ids`` are those of the calls; ``whys``: how many are partial for what reason.

    ``last_minute`` is that of the last call, None where none has a time.
    """

    totals: Totals
    cells: tuple[Cell, ...]
    ids: frozenset[str]
    whys: Mapping[str, int]
    last_minute: int | None


def sums_of(rows: Sequence[Row]) -> LedgerSums:
    """What these calls add up to."""
    with localcontext(EXACT):
        return LedgerSums(
            totals=summarise(rows),
            cells=tuple(_cells(rows)),
            ids=frozenset(row.call_id for row in rows if row.call_id),
            whys=whys_of(rows),
            last_minute=max(
                (int(row.started_at // 60) for row in rows if row.started_at is not None),
                default=None,
            ),
        )


def bound_of(cells: Iterable[Cell]) -> str:
    """``at least`` or ``about``: what their sums are; "" where all is known."""
    every = [cell for cell in cells if cell.partial]
    return bound(len(every), sum(cell.estimated for cell in every))


def _cells(rows: Iterable[Row]) -> Iterable[Cell]:
    found: dict[tuple[int | None, str, str, str], Sequence[Any]] = {}
    for row in rows:
        minute = None if row.started_at is None else int(row.started_at // 60)
        calls, provider = 1, sys.intern(row.provider or "")
        doubts = (
            int(row.accuracy == PARTIAL),
            int(is_estimate(row.accuracy, row.why, row.tokens_in + row.tokens_out)),
        )
        for share in row.parts or (row,):
            key = minute, sys.intern(row.step), sys.intern(share.model), provider
            tokens = share.tokens_in, share.tokens_out, share.tokens_cache_read
            used = calls, share.cost_usd, *tokens, *doubts
            known = found.get(key)
            found[key] = used if known is None else [*map(add, known, used)]
            calls = 0
    return (Cell._make((*key[:3], *used[:5], key[3], *used[5:])) for key, used in found.items())
