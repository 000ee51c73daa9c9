"""A STATE.yaml's text, looked through: as plain lines where it can be, through ruamel where not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from agentd.ledger import outline, own_grammar, own_layout
from agentd.ledger.outline import Span
from agentd.ledger.own_layout import TOTALS, Block
from agentd.ledger.same_call import ids_twice
from agentd.ledger.source import Malformed, Source

if TYPE_CHECKING:  # foreign loads ruamel, which takes longer than all the rest of `agentd status`
    from agentd.ledger.call_fields import Fields
    from agentd.ledger.foreign import Tree
    from agentd.metering.call import CallRecord

_TOTAL = rf"(?m)^  ({'|'.join(TOTALS)}): +(\S+)"


class Document(NamedTuple):
    """A sound STATE.yaml: its top-level keys, and its calls as a block or a tree.

    ``rest`` is the tree that ``spans`` came from, without the block; None for plain lines.
    """

    text: str
    spans: Mapping[str, Span]
    calls: Block | Tree
    rest: Tree | None

    @property
    def columns(self) -> own_grammar.Columns:
        """The calls, each id once: the keys that were asked for, or more."""
        return self.calls.columns

    def twice(self) -> tuple[str, ...]:
        """The ids that more than one entry has."""
        return ids_twice(self.calls.entries["id"])

    def ids(self) -> set[str]:
        """The ids of the calls that have one."""
        return set(self.columns["id"]) - {None, ""}

    def records(self, of: own_grammar.Columns | None = None) -> Iterable[CallRecord]:
        """The calls in order, or those ``of`` columns; a document that was read for all keys."""
        from agentd.ledger import call_fields

        return map(call_fields.from_fields, own_grammar.fields(self.columns if of is None else of))

    def value(self, key: str) -> str:
        """The text of a top-level key, "" for none."""
        span = self.spans.get(key)
        return (span.text or "") if span else ""

    def words(self, key: str) -> set[str]:
        """The words under ``key``, such as ``status``, that the calls have."""
        return set(self.columns[key]) - {None}

    def stated_totals(self) -> dict[str, Decimal | None]:
        """Each total that the file states, right or wrong; None for one that is no number."""
        if isinstance(self.calls, Block):
            block = self.text[self.calls.start : self.calls.end]
            texts: Mapping[str, str] = dict(re.findall(_TOTAL, block))
        else:
            texts = self.calls.stated_totals()
        return {key: _number(text) for key, text in texts.items()}

    def appended(self, calls: Sequence[Fields], source: Source) -> Document:
        """The document with ``calls`` behind the last one and the totals added up, to be updated.

        A block is not read again. ``source`` is what this document was read from. Raises Malformed.
        """
        if not isinstance(self.calls, Block):
            return read(source._replace(text=self.calls.append(calls)))
        text = self.calls.append(self.text, calls)
        longer, end = len(text) - len(self.text), self.calls.end
        spans = {
            key: span
            if span.start < end
            else span._replace(start=span.start + longer, end=span.end + longer)
            for key, span in self.spans.items()
        }
        return self._replace(text=text, spans=spans, calls=self.calls._replace(end=end + longer))

    def replaced(self, calls: Mapping[str, Fields], source: Source) -> Document:
        """The document with these calls in place of those with their ids, and the totals summed.

        ``source`` is what this document was read from. Raises Malformed.
        """
        if not isinstance(self.calls, Block):
            source = source._replace(text=self.calls.append(()))
            own = read(source)
            return own.replaced(calls, source) if isinstance(own.calls, Block) else _stuck()
        new = read(source._replace(text=self.calls.replace(self.text, calls)), own_grammar.ALL)
        wanted = [
            calls.get(call_id, {}).get("tokens_in", count)
            for call_id, count in zip(self.columns["id"], self.columns["tokens_in"], strict=True)
        ]
        return new if list(new.columns["tokens_in"]) == wanted else _stuck()

    def update(self, values: Mapping[str, str]) -> str:
        """The text with the YAML ``values`` for these keys; new keys at the end of the head.

        Raises Malformed where that can't be done without changing the rest.
        """
        edits = [
            (span.start, span.end, self._fitted(span, values[key]))
            for key, span in self.spans.items()
            if key in values
        ]
        if added := "".join(f"{key}: {values[key]}\n" for key in values if key not in self.spans):
            at = self._head_end()
            unfinished = at and self.text[at - 1] not in "\r\n"
            edits.insert(0, (at, at, f"\n{added}" if unfinished else added))
        text = self.text
        # From the end on, so that the offsets hold; where two meet, new keys go behind the value.
        for start, end, new in sorted(edits, key=lambda edit: edit[0], reverse=True):
            text = text[:start] + new + text[end:]
        if self.rest is not None:
            found = own_layout.find(text) if isinstance(self.calls, Block) else None
            self.rest.check_update(_without(text, found) if found else text, values)
        return text

    def _fitted(self, span: Span, value: str) -> str:
        """The value with the space, or the line end, that it needs at its place."""
        lead = " " if self.text[span.start - 1] == ":" else ""
        return lead + value + ("\n" if self.text[span.start : span.end].endswith("\n") else "")

    def _head_end(self) -> int:
        if self.rest is not None:
            return self.rest.head_end()
        return own_layout.after_last_value(self.text[: self.spans["telemetry"].start])


def read(source: Source, keys: Sequence[str] = own_grammar.LEDGER) -> Document:
    """Look through a STATE.yaml. Raises Malformed, with the line, for one that is broken.

    ``keys`` says what is wanted of the calls: LEDGER, SUMS or ALL of ``own_grammar``.
    """
    found = own_layout.find(source.text, keys) if source.ordinary else None
    if found is not None:
        document = _around(source.text, found)
        if document is not None:
            return document
    from agentd.ledger import foreign

    parsed = foreign.read(source.text)
    return Document(source.text, parsed.spans(), parsed, parsed)


def _around(text: str, found: Block) -> Document | None:
    """The document around a block; None when the lines outside it are not sound by themselves."""
    spans = outline.read(text, found.start, found.end)
    if spans is not None:
        return Document(text, spans, found, None)
    from agentd.ledger import foreign

    try:
        rest = foreign.read(_without(text, found))
    except Malformed:
        return None  # the tree of the whole text tells the right line
    if not rest.has_empty_telemetry_at(found.start):
        return None
    shift = found.end - found.start - len(_STAND_IN)
    spans = {
        key: span
        if span.start <= found.start
        else span._replace(start=span.start + shift, end=span.end + shift)
        for key, span in rest.spans().items()
    }
    return Document(text, spans, found, rest)


def _stuck() -> NoReturn:
    raise Malformed(1, "agentd can't change a call here without changing the rest of the file")


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


_STAND_IN = "telemetry:\n"


def _without(text: str, found: Block) -> str:
    return text[: found.start] + _STAND_IN + text[found.end :]
