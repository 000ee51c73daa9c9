"""The calls of a project's ledgers as rows to be summed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from agentd.ledger.call_keys import guess_source
from agentd.ledger.document import Document
from agentd.ledger.own_layout import Block

if TYPE_CHECKING:
    from agentd.ledger import own_grammar
    from agentd.metering.call import CallRecord, PricedModel


class Part(NamedTuple):
    """What one model of a call used and cost; a "none" of a source means that it has no price."""

    model: str
    tokens_in: int
    tokens_out: int
    tokens_cache_read: int
    cost_usd: Decimal
    cost_source: str


class Row(NamedTuple):
    """One call. ``started_at`` is in UTC seconds since 1970, None for an entry without a time.

    ``tokens_in`` is all input, ``tokens_cache_read`` the part of it that came from a cache.
    ``parts`` is empty unless several models answered; they add up to the call.
    """

    change_id: str
    call_id: str
    step: str
    provider: str | None
    model: str
    status: str
    tokens_in: int
    tokens_out: int
    tokens_cache_read: int
    cost_usd: Decimal
    cost_source: str
    accuracy: str
    duration_ms: int
    started_at: float | None
    parts: tuple[Part, ...] = ()

    def shares(self) -> tuple[Row] | tuple[Part, ...]:
        """Its parts; itself as the only one, when one model answered."""
        return self.parts or (self,)


def of_document(change_id: str, document: Document) -> list[Row]:
    """The calls of a change's document, read for all keys or for SUMS. Raises Malformed."""
    if isinstance(document.calls, Block):
        return list(_of_columns(change_id, document.calls.columns))
    return [_of_record(change_id, record) for record in document.records()]


def _of_columns(change_id: str, of: own_grammar.Columns) -> Iterator[Row]:
    """Column by column, without a CallRecord: six times as fast."""
    costs_usd = list(map(Decimal, of["cost_usd"]))
    columns: tuple[Iterable[Any], ...] = (
        _filled(of["id"], ""),
        of["step"],
        of["provider"],
        of["model"],
        _filled(of["status"], "ok"),
        map(int, of["tokens_in"]),
        map(int, of["tokens_out"]),
        map(int, _filled(of["tokens_cache_read"], "0")),
        costs_usd,
        _sources(of["cost_source"], costs_usd),
        _filled(of["accuracy"], "exact"),
        map(int, _filled(of["duration_ms"], "0")),
        [at and at.timestamp() for at in of["timestamp"]],
        [tuple(map(_part_of_values, models or ())) for models in of["models"]]
        if any(of["models"])
        else repeat(()),
    )
    rows = zip(repeat(change_id), *columns, strict=False)
    return map(tuple.__new__, repeat(Row), rows)  # Row._make takes three times as long


def _filled(column: Sequence[Any], default: str) -> Sequence[Any]:
    return [default if value is None else value for value in column] if None in column else column


def _sources(column: Sequence[str | None], costs_usd: Sequence[Decimal]) -> Sequence[str | None]:
    if None not in column:
        return column
    return [given or guess_source(cost) for given, cost in zip(column, costs_usd, strict=True)]


def _part_of_values(values: Sequence[Any]) -> Part:
    model, tokens_in, tokens_out, cache_read, *_, cost, source = values
    cost_usd = Decimal(cost)
    tokens = int(tokens_in), int(tokens_out), int(cache_read or 0)
    return Part(model, *tokens, cost_usd, source or guess_source(cost_usd))


def _part(priced: PricedModel) -> Part:
    used = priced.usage
    tokens = used.input_tokens, used.output_tokens, used.cache_read_input_tokens
    return Part(priced.model, *tokens, priced.cost_usd, priced.cost_source)


def _of_record(change_id: str, record: CallRecord) -> Row:
    used, started_at = record.usage, record.started_at
    return Row(
        change_id,
        record.id,
        record.step,
        record.provider,
        record.model,
        record.status,
        used.input_tokens,
        used.output_tokens,
        used.cache_read_input_tokens,
        record.cost_usd,
        record.cost_source,
        record.accuracy,
        record.duration_ms,
        started_at.timestamp() if started_at else None,
        tuple(map(_part, record.models)),
    )
