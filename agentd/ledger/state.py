"""What a STATE.yaml says, for those who read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from agentd.frozen import frozen
from agentd.ledger import own_layout, rows
from agentd.ledger.document import Document
from agentd.ledger.own_layout import Sums
from agentd.ledger.rows import Row
from agentd.ledger.same_call import best_of, said
from agentd.ledger.source import Malformed

if TYPE_CHECKING:
    from agentd.metering.call import CallRecord


@frozen(kw_only=True, slots=False)
class State:
    """What a STATE.yaml says; None for a key that is absent or null. Times are as written there.

    The totals are those of ``calls``, whatever the file's own say. ``checks``, ``approvals``,
    ``feedback`` and the budget's keys: see Changes; ``metered_from`` is the index of the first call
    since the meter was restarted. ``document``, read for ALL keys, is what the calls are made from;
    None for one without calls.
    """

    change_id: str | None = None
    schema_version: str | None = None
    phase: str | None = None
    iteration: int | None = None
    last_action: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    session_id: str | None = None
    checks: str | None = None
    budget_warned: str | None = None
    budget_warned_before: str | None = None
    approvals: str | None = None
    feedback: str | None = None
    metered_from: int = 0
    document: Document | None = field(default=None, repr=False)

    @property
    def approved(self) -> list[str]:
        """The gates that a person has passed."""
        return [each.partition("@")[0] for each in (self.approvals or "").split()]

    @cached_property
    def calls(self) -> tuple[CallRecord, ...]:
        """The calls, in order; made when first asked for: sums and words are had without them."""
        return tuple(self.document.records()) if self.document else ()

    @cached_property
    def rows(self) -> list[Row]:
        """The calls as rows, for sums."""
        return rows.of_document(self.change_id or "", self.document) if self.document else []

    def words(self, key: str) -> set[str]:
        """The words that stand in the calls under a key such as ``status``."""
        return self.document.words(key) if self.document else set()

    @property
    def ids(self) -> set[str]:
        """The ids of the calls that have one."""
        return self.document.ids() if self.document else set()

    @cached_property
    def twice(self) -> tuple[str, ...]:
        """The ids of calls that stand there more than once; each counts once."""
        return self.document.twice() if self.document else ()

    @cached_property
    def entries(self) -> tuple[CallRecord, ...]:
        """What stands there as calls, also what does not count."""
        if self.document is None or not self.twice:
            return self.calls
        return tuple(self.document.records(self.document.calls.entries))

    @cached_property
    def totals(self) -> Sums:
        """What the calls cost, all their input and all their output."""
        columns = self.document.columns if self.document else dict.fromkeys(own_layout.SUMMED, ())
        return own_layout.add_up(columns)


def calls_once(ledgers: Sequence[Sequence[CallRecord]]) -> list[list[CallRecord]]:
    """The calls of ledgers that may be copies of each other: see ``same_call.best_of``."""

    def told(call: CallRecord) -> tuple[str, tuple[Any, ...]]:
        return call.id, said(call.accuracy, call.usage.total_tokens, call.cost_usd)

    return best_of(ledgers, told)


_TEXTS = (
    *("change_id", "schema_version", "phase", "last_action", "created_at", "updated_at"),
    *("session_id", "checks", "budget_warned", "budget_warned_before", "approvals", "feedback"),
)
_MOST_DIGITS, _SHOWN = 18, 40
"""Of a count that the ledger can hold; characters of another one in its error."""
NOT_STARTED = State()
"""A change that nobody has run agentd on: it has documents, and no STATE.yaml yet."""


def from_document(document: Document) -> State:
    """The state in a document. Raises Malformed."""
    texts = {key: document.spans[key].text for key in _TEXTS if key in document.spans}
    return State(
        **texts,
        iteration=_number(document, "iteration"),
        metered_from=metered_from(document),
        document=document,
    )


def metered_from(document: Document) -> int:
    """How many entries came before the meter was restarted. Raises Malformed.

    An agentd that knows no ``budget_reset_after`` leaves it as it was, and counts further.
    """
    span = document.spans.get("budget_reset_after")
    ids = document.columns["id"]
    last = span.text if span is not None else None
    behind = ids.index(last) + 1 if last and last in ids else 0
    return max(behind, _number(document, "budget_reset_calls") or 0)


def _number(document: Document, key: str) -> int | None:
    span = document.spans.get(key)
    if span is None or span.text is None:
        return None
    if not span.text.isdecimal() or len(span.text) > _MOST_DIGITS:
        line, shown = document.text.count("\n", 0, span.start) + 1, span.text[:_SHOWN]
        dots = "..." if len(span.text) > _SHOWN else ""
        raise Malformed(line, f"{key} is {shown + dots!r}; expected a whole number")
    return int(span.text)
