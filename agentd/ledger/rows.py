"""The calls of a project's ledgers as rows to be summed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

from agentd.ledger import own_grammar
from agentd.ledger.call_id import is_named_by_branch
from agentd.ledger.call_keys import guess_source
from agentd.ledger.document import Document
from agentd.ledger.same_call import best_of, said
from agentd.metering.variants import as_text, from_text
from agentd.metering.words import MANUAL

if TYPE_CHECKING:
    from agentd.metering.call import CallRecord


class Part(NamedTuple):
    """What one model of a call used and cost; a "none" of a source means that it has no price.

    ``variant`` and ``threads`` are as in a Row.
    """

    model: str
    tokens_in: int
    tokens_out: int
    tokens_cache_read: int
    web_searches: int
    cost_usd: Decimal
    cost_source: str
    variant: str | None = None
    threads: str | None = None


class Row(NamedTuple):
    """One call. ``started_at`` is in UTC seconds since 1970, None for an entry without a time.

    ``tokens_in`` is all input, ``tokens_cache_read`` the part of it that came from a cache,
    ``web_searches`` how many were billed, ``requests`` how many API requests the run made, None
    where that is not known.
    ``parts`` is empty unless several models answered; they add up to the call. ``why`` says what is
    not known of a call that is not exact, where its entry does. ``variant`` is what multiplied its
    price, ``threads`` what other threads than the main one used (``metering.thread_use``); both
    are None for nothing, and where the parts tell them.
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
    web_searches: int
    cost_usd: Decimal
    cost_source: str
    accuracy: str
    duration_ms: int
    started_at: float | None
    parts: tuple[Part, ...] = ()
    why: str | None = None
    variant: str | None = None
    threads: str | None = None
    requests: int | None = None

    def shares(self) -> tuple[Row] | tuple[Part, ...]:
        """Its parts; itself as the only one, when one model answered."""
        return self.parts or (self,)


def each_once(ledgers: Sequence[Sequence[Row]]) -> list[list[Row]]:
    """The calls of ledgers, each id in one of them: copies, or changes that have it both.

    The surer entry counts, then that with more tokens; of the same ones that of the change which
    the call's git branch names, then of the change whose id sorts first. So it is the same for
    everybody who has these ledgers.
    """

    def told(row: Row) -> tuple[str, tuple[Any, ...]]:
        named = row.step == MANUAL and is_named_by_branch(row.change_id, row.call_id)
        return row.call_id, (
            said(row.accuracy, row.tokens_in + row.tokens_out, row.cost_usd),
            named,
        )

    places = sorted(range(len(ledgers)), key=lambda at: [row.change_id for row in ledgers[at][:1]])
    found = dict(zip(places, best_of([ledgers[at] for at in places], told), strict=True))
    return [found[at] for at in range(len(ledgers))]


def of_document(change_id: str, document: Document) -> list[Row]:
    """The calls of a change's document, read for all keys or for SUMS."""
    return of_columns(change_id, document.columns)


def of_call(change_id: str, call: CallRecord) -> Row:
    """A call that is in no ledger, as a ledger would have it."""
    from agentd.ledger.call_fields import to_fields

    fields = to_fields(call)
    columns = {key: [fields.get(key)] for key in own_grammar.SUMS}
    return of_columns(change_id, columns)[0]


def of_columns(change_id: str, of: own_grammar.Columns) -> list[Row]:
    """The same of columns."""
    columns: tuple[Iterable[Any], ...] = (
        _filled(of["id"], ""),
        of["step"],
        of["provider"],
        of["model"],
        _filled(of["status"], "ok"),
        of["tokens_in"],
        of["tokens_out"],
        _filled(of["tokens_cache_read"], 0),
        _filled(of["web_searches"], 0),
        of["cost_usd"],
        map(_source, of["cost_source"], of["cost_usd"]),
        _filled(of["accuracy"], "exact"),
        _filled(of["duration_ms"], 0),
        [at and at.timestamp() for at in of["timestamp"]],
        [tuple(map(_part, models or ())) for models in of["models"]],
        of["why"],
        _variants(of["price_variant"]),
        of["threads"],
        of["requests"],
    )
    rows = zip(repeat(change_id), *columns, strict=False)
    return list(map(tuple.__new__, repeat(Row), rows))  # Row._make takes three times as long


def _filled(column: Sequence[Any], default: object) -> Sequence[Any]:
    return [default if value is None else value for value in column] if None in column else column


def _source(given: str | None, cost_usd: Decimal) -> str:
    return given or guess_source(cost_usd)


def _variants(column: Sequence[str | None]) -> Sequence[str | None]:
    return list(map(_variant, column)) if any(column) else column


@lru_cache(maxsize=256)
def _variant(text: str | None) -> str | None:
    """In the one order in which agentd writes it, so that equal ones are one group."""
    return as_text(from_text(text)) or None if text else None


def _part(of: Mapping[str, Any]) -> Part:
    cost_usd, cached = of["cost_usd"], of.get("tokens_cache_read", 0)
    source = _source(of.get("cost_source"), cost_usd)
    used = (of["tokens_in"], of["tokens_out"], cached, of.get("web_searches", 0), cost_usd)
    return Part(of["model"], *used, source, _variant(of.get("price_variant")), of.get("threads"))
