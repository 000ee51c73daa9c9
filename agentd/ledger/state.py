"""What a STATE.yaml says, for those who read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from agentd.ledger import own_layout, scalar
from agentd.ledger.document import Document
from agentd.ledger.source import Malformed
from agentd.metering.call import CallRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a STATE.yaml says; None for a key that is absent or null. Times are as written there.

    The totals are those of ``calls``, whatever the file's own say. The budget's keys: see Changes.
    """

    change_id: str | None
    schema_version: str | None
    phase: str | None
    iteration: int | None
    last_action: str | None
    created_at: str | None
    updated_at: str | None
    session_id: str | None
    budget_warned: str | None
    budget_reset_calls: int
    calls: tuple[CallRecord, ...]
    total_cost_usd: Decimal
    total_tokens_in: int
    total_tokens_out: int


NOT_STARTED = State(
    change_id=None,
    schema_version=None,
    phase=None,
    iteration=None,
    last_action=None,
    created_at=None,
    updated_at=None,
    session_id=None,
    budget_warned=None,
    budget_reset_calls=0,
    calls=(),
    total_cost_usd=Decimal(0),
    total_tokens_in=0,
    total_tokens_out=0,
)
"""A change that nobody has run agentd on: it has documents, and no STATE.yaml yet."""


def from_document(document: Document) -> State:
    """The state in a document. Raises Malformed."""
    head = {key: span.text for key, span in document.spans.items()}
    calls = tuple(document.records())
    sums = own_layout.add_up(
        [call.cost_usd for call in calls],
        [call.usage.input_tokens for call in calls],
        [call.usage.output_tokens for call in calls],
    )
    return State(
        change_id=head.get("change_id"),
        schema_version=head.get("schema_version"),
        phase=head.get("phase"),
        iteration=_number(document, "iteration"),
        last_action=head.get("last_action"),
        created_at=head.get("created_at"),
        updated_at=head.get("updated_at"),
        session_id=head.get("session_id"),
        budget_warned=head.get("budget_warned"),
        budget_reset_calls=_number(document, "budget_reset_calls") or 0,
        calls=calls,
        total_cost_usd=sums.cost_usd,
        total_tokens_in=sums.tokens_in,
        total_tokens_out=sums.tokens_out,
    )


def _number(document: Document, key: str) -> int | None:
    span = document.spans.get(key)
    if span is None or span.text is None:
        return None
    if not span.text.isdecimal():
        line = document.text.count("\n", 0, span.start) + 1
        raise Malformed(line, f"{key} is {span.text!r}; expected a whole number")
    return int(span.text)


class Changes(NamedTuple):
    """New values for these keys; None leaves one as it is.

    ``budget_warned`` are the names of the warnings that were given, with a space between;
    ``budget_reset_calls`` how many of the calls came before the meter was restarted.
    """

    phase: str | None = None
    iteration: int | None = None
    last_action: str | None = None
    session_id: str | None = None
    budget_warned: str | None = None
    budget_reset_calls: int | None = None

    def values(self) -> dict[str, str]:
        """The keys that change, with their values as YAML."""
        return {
            key: str(value) if isinstance(value, int) else scalar.text(value)
            for key, value in self._asdict().items()
            if value is not None
        }

    def to_json(self) -> str:
        """One line of JSON."""
        given = {key: value for key, value in self._asdict().items() if value is not None}
        return json.dumps(given)


NO_CHANGES = Changes()


def from_object(values: object) -> Changes:
    """What :meth:`Changes.to_json` wrote, decoded. Raises ValueError on anything else."""
    if not isinstance(values, dict) or not set(values) <= set(Changes._fields):
        raise ValueError(f"state: expected an object with some of {', '.join(Changes._fields)}")
    return Changes(**values)
