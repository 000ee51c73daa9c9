"""One version of a STATE.yaml, cut up to be merged: its calls, the keys united, the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from agentd.late_pattern import late_pattern
from agentd.ledger import document, own_grammar, scalar, source, state
from agentd.ledger.document import Document
from agentd.ledger.own_layout import TOTALS, Block, after_last_value
from agentd.ledger.source import Malformed, Source

UNITED_KEYS = (
    *("budget_warned", "budget_reset_calls", "budget_reset_after", "budget_warned_before"),
    *("approvals", "feedback"),
)
"""The top-level keys that are merged by what they mean, in the order in which they are written."""
EARLY = datetime.min.replace(tzinfo=UTC)
"""Before any call."""
_UNITED = late_pattern(
    rf"^(?:{'|'.join(UNITED_KEYS)}):(?: +(?:{scalar.SINGLE}|{scalar.DOUBLE}|[^#'\"\n]*))? *\n",
    re.MULTILINE,
)
_ITEM = late_pattern(r"^  - ", re.MULTILINE)
_OPENING = late_pattern(r"(?:.*\n)*?  calls:.*\n")


class Entry(NamedTuple):
    """A call as it stands there, with the comments before it; ``at`` is what it is sorted by."""

    lines: str
    call: Mapping[str, Any]
    at: datetime

    @property
    def key(self) -> object:
        """What a call is known by: its id; the original agentd wrote none."""
        return self.call.get("id") or repr(self.call)


class Side(NamedTuple):
    """One version, cut up: ``united`` are the UNITED_KEYS that it has, with their texts.

    They are not in ``found`` any more, but for those with a comment. ``restart`` are the keys of
    the calls before the meter's restart.
    """

    found: Document
    opening: str
    entries: Sequence[Entry]
    closing: str
    united: Mapping[str, str]
    restart: frozenset[object]


def read_side(origin: Source) -> Side:
    """The version in a file. Raises Malformed when it can't be read, or cut up."""
    found = document.read(origin, own_grammar.ALL)
    if not isinstance(found.calls, Block):
        origin = source.decode(found.calls.append(()).encode())
        found = document.read(origin, own_grammar.ALL)
    if not isinstance(found.calls, Block):
        raise Malformed(1, "its calls can't be brought into agentd's layout")
    block = found.text[found.calls.start : found.calls.end]
    totals_at = block.rindex(f"\n  {TOTALS[0]}:") + 1
    starts = [match.start() for match in _ITEM.finditer(block, 0, totals_at)]
    opening = _OPENING.match(block)
    calls = own_grammar.fields(found.calls.entries)
    if opening is None or len(starts) != len(calls):
        raise Malformed(1, "its calls can't be told apart")
    head = re.sub(r"(?m)^  calls: \[\]", "  calls:", opening[0], count=1)
    entries: list[Entry] = []
    at, lead = EARLY, block[opening.end() : starts[0]] if starts else ""
    for start, end, call in zip(starts, [*starts, totals_at][1:], calls, strict=True):
        lines = block[start:end]
        cut = after_last_value(lines)
        at = call.get("timestamp", at)
        entries.append(Entry(lead + lines[:cut], call, at))
        lead = lines[cut:]
    rest = lead if starts else block[opening.end() : totals_at]
    restart = frozenset(entry.key for entry in entries[: state.metered_from(found)])
    united = {key: found.value(key) for key in UNITED_KEYS if key in found.spans}
    if united:
        bare = _UNITED.sub("", found.text)
        found = document.read(origin._replace(text=bare), own_grammar.LEDGER)
    return Side(found, head, entries, rest + block[totals_at:], united, restart)
