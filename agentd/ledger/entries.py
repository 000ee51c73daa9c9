"""What one write entered into a STATE.yaml, as text, and a STATE.yaml made anew from such texts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from agentd.clock import iso, utc_now
from agentd.ledger import call_fields, document, own_grammar, pending, source
from agentd.ledger.changes import NO_CHANGES, Changes, from_object, restart_behind
from agentd.ledger.document import Document
from agentd.ledger.pending import Kept
from agentd.ledger.source import Source
from agentd.metering.call import CallRecord


def stamped(changes: Changes) -> dict[str, str]:
    """The keys that change, with the time of now."""
    return {**changes.values(), "updated_at": iso(utc_now())}


def enter(origin: Source, found: Document, calls: Iterable[Kept]) -> str:
    """The text with these calls, none of which it has, and what they change."""
    waiting = list(calls)
    longer = found.appended([call_fields.to_fields(call.record) for call in waiting], origin)
    values: dict[str, str] = {}
    for call in waiting:
        values |= call.changes.values()
    return longer.update({**values, "updated_at": iso(utc_now())}) if values else longer.text


def to_text(calls: Iterable[Kept], changes: Changes = NO_CHANGES) -> str:
    """Calls that are entered, and changes without a call: a line of JSON each."""
    lines = [pending.to_line(call) for call in calls]
    return "\n".join([*lines, changes.to_json()] if changes != NO_CHANGES else lines)


def rebuild(data: bytes, texts: Iterable[str]) -> bytes:
    """A STATE.yaml with what later writes entered, each call once.

    Raises Malformed, and ValueError for a text that :func:`to_text` did not make.
    """
    origin = source.decode(data)
    found = document.read(origin)
    calls: dict[str, Kept] = {}
    changes: dict[str, object] = {}
    there = found.ids()
    for call, change in _items(texts):
        if call is not None and call.id not in there:
            calls.setdefault(call.id, Kept(call))
        changes |= {key: value for key, value in change._asdict().items() if value is not None}
        if change.budget_reset_calls is not None:  # it was counted over what may not be right
            restart = restart_behind([*found.columns["id"], *calls])
            changes |= {key: value for key, value in restart._asdict().items() if value is not None}
    last = from_object(changes)
    text = enter(origin, found, calls.values()) if calls else origin.text
    if last != NO_CHANGES:
        text = document.read(origin._replace(text=text)).update(stamped(last))
    return origin.encode(text)


def only_entered(before: bytes, now: bytes, texts: Iterable[str]) -> bool:
    """Whether every call of ``before`` still stands, and any more of ``now`` is in the texts."""
    try:
        old, new = (
            tuple(document.read(source.decode(data), own_grammar.ALL).records())
            for data in (before, now)
        )
        told = {call.id: call for call, _ in _items(texts) if call is not None}
    except ValueError:  # Malformed, too
        return False
    return new[: len(old)] == old and all(told.get(call.id) == call for call in new[len(old) :])


def _items(texts: Iterable[str]) -> Iterator[tuple[CallRecord | None, Changes]]:
    for line in "\n".join(texts).splitlines():
        if line:
            values = json.loads(line)
            yield pending.from_line(line) if "id" in values else (None, from_object(values))
