"""The runs of a step until it was done, from the calls of the ledgers: what forecasts rest on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

from agentd.ledger.rows import Part, Row
from agentd.metering.unpriced import is_unpriced
from agentd.metering.words import MANUAL


class Visit(NamedTuple):
    """The calls of one step of one change up to the one that ended ok, failed ones before it too.

    ``provider``, ``model``, ``call_id`` and ``prompt_bytes`` are those of its first call, what it
    was meant to be; ``cost_usd`` is None when a call of it used tokens without a price, ``tokens``
    is all input and output. Times are in UTC seconds since 1970, None for an entry without one;
    ``prompt_bytes`` is None where the prompt is gone.
    """

    change_id: str
    step: str
    provider: str | None
    model: str
    call_id: str
    calls: int
    cost_usd: Decimal | None
    tokens: Decimal
    started_at: float | None
    ended_at: float | None
    prompt_bytes: int | None = None


def visits_of(rows: Iterable[Row]) -> list[Visit]:
    """The visits of all changes in the order in which they ended.

    Calls without a time count as older than the others. A step that was never done is left out: it
    does not tell what doing it costs.
    """
    visits = []
    begun: dict[str, list[Row]] = {}
    ended: dict[str, float] = {}
    own = (row for row in rows if row.step != MANUAL)  # what a person did is no step of the loop
    for row in sorted(own, key=lambda row: row.started_at or 0.0):
        calls = begun.setdefault(row.change_id, [])
        if calls and calls[0].step != row.step:
            calls.clear()
        calls.append(row)
        if row.status == "ok":
            visit = _visit(begun.pop(row.change_id))
            # Starts are kept to the second: of short calls the later one might seem to end first.
            before = ended.get(row.change_id, 0.0)
            if visit.ended_at is not None and visit.ended_at < before:
                visit = visit._replace(ended_at=before)
            ended[row.change_id] = visit.ended_at or before
            visits.append(visit)
    visits.sort(key=lambda visit: visit.ended_at or 0.0)
    return visits


def _visit(calls: Sequence[Row]) -> Visit:
    first, last = calls[0], calls[-1]
    cost_usd: Decimal | None = sum((call.cost_usd for call in calls[1:]), first.cost_usd)
    for call in calls:
        if (call.cost_source == "none" or call.parts) and any(map(_is_unpriced, call.shares())):
            cost_usd = None
    return Visit(
        first.change_id,
        first.step,
        first.provider,
        (last if last.provider == first.provider else first).model,
        first.call_id,
        len(calls),
        cost_usd,
        Decimal(sum([call.tokens_in + call.tokens_out for call in calls])),
        first.started_at,
        last.started_at and last.started_at + last.duration_ms / 1000,
    )


def _is_unpriced(part: Part | Row) -> bool:
    return is_unpriced(part.model, part.cost_source, part.tokens_in + part.tokens_out)
