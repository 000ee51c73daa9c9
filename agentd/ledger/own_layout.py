"""The telemetry block in agentd's own layout: recognised strictly, extended as text."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from agentd.late_pattern import late_pattern
from agentd.ledger import call_keys, own_grammar, scalar
from agentd.metering.money import EXACT

if TYPE_CHECKING:
    from agentd.ledger.call_fields import Fields, Value

SUMMED = ("cost_usd", "tokens_in", "tokens_out")
TOTALS = tuple(f"total_{key}" for key in SUMMED)

_CALLS = "telemetry:\n  calls:\n"
_NO_CALLS = "telemetry:\n  calls: []\n"
_TOTALS = f"\n  {TOTALS[0]}:"
_OPENING = late_pattern(r"^telemetry:(?: +#.*)?\n", re.MULTILINE)
# As texts: only a block with comments needs them, and each takes its time to compile.
_NEXT_KEY = r"\n(?=[^ #\n])"
_BLANK = r"(?m)^ *(?:#.*)?\n"
_COMMENT = (
    rf"(?m)^( *(?:- )?[\w-]+:(?: (?:{scalar.SINGLE}|{scalar.DOUBLE}|[^'\"#\n ][^#\n]*?))?) +#.*$"
)
_CLOSING = late_pattern(
    "".join(f"  {key}: +[0-9][0-9.eE+-]*\n" for key in TOTALS)
    + f"((?:  (?!(?:calls|{'|'.join(TOTALS)}):)[A-Za-z_].*\n)*)"
)


class Sums(NamedTuple):
    """The totals over a list of calls."""

    cost_usd: Decimal
    tokens_in: int
    tokens_out: int

    def lines(self) -> list[str]:
        """The three lines that close the telemetry block, without newlines."""
        from agentd.ledger import render

        values: tuple[Value, ...] = (self.cost_usd, self.tokens_in, self.tokens_out)
        return [
            f"  {key}: {render.yaml_value(value)}"
            for key, value in zip(TOTALS, values, strict=True)
        ]


def add_up(columns: own_grammar.Columns) -> Sums:
    """The totals of calls, exact."""
    cost_usd = functools.reduce(EXACT.add, columns["cost_usd"], Decimal(0))
    return Sums(cost_usd, sum(columns["tokens_in"]), sum(columns["tokens_out"]))


class Block(NamedTuple):
    """Where the block stands in a text, and its entries of calls as columns."""

    start: int
    end: int
    entries: own_grammar.Columns

    @property
    def columns(self) -> own_grammar.Columns:
        """The calls, each id once."""
        return own_grammar.once(self.entries)

    def append(self, text: str, calls: Sequence[Fields]) -> str:
        """``text`` with the calls after the last one; else only the values of the totals change."""
        from agentd.ledger import render

        totals_at = text.rindex(f"\n  {TOTALS[0]}:", self.start, self.end) + 1
        head = text[self.start : totals_at]
        columns = self.columns
        if not columns["tokens_in"]:
            head = head.replace("\n  calls: []", "\n  calls:", 1)
        insert_at = after_last_value(head)
        new = "".join(f"{line}\n" for call in calls for line in render.yaml_lines(call))
        sums = add_up({key: [*columns[key], *(call[key] for call in calls)] for key in SUMMED})
        closing = with_sums(text[totals_at : self.end], sums)
        before, after = text[: self.start], text[self.end :]
        return "".join((before, head[:insert_at], new, head[insert_at:], closing, after))

    def replace(self, text: str, calls: Mapping[str, Fields]) -> str:
        """``text`` with these calls in place of those with their ids, and the totals of all.

        Of a call that is replaced unknown keys stay, and the comments on lines of their own.
        """
        from agentd.ledger import render

        block = text[self.start : self.end]
        for call_id, fields in calls.items():
            first = rf"  - id: {re.escape(scalar.text(call_id))}(?: +#.*)?\n"
            item = re.search(rf"(?m)^{first}(?:    .*\n)*", block)
            if item is not None:
                kept = _unknown_lines(item[0])
                lines = "".join(f"{line}\n" for line in render.yaml_lines(fields))
                block = block[: item.start()] + lines + kept + block[item.end() :]
        columns = {
            key: [
                calls[call_id][key] if call_id in calls else value
                for call_id, value in zip(self.columns["id"], self.columns[key], strict=True)
            ]
            for key in SUMMED
        }
        return text[: self.start] + with_sums(block, add_up(columns)) + text[self.end :]


def with_sums(block: str, sums: Sums) -> str:
    """The lines of a block with these totals; what else is there stays."""
    for key, line in zip(TOTALS, sums.lines(), strict=True):
        block = re.sub(rf"(?m)^  {key}: +[^ \n]+", line, block, count=1)
    return block


def _unknown_lines(item: str) -> str:
    """The lines of a call that stand under none of the keys that agentd knows."""
    kept, stays = [], False
    for line in item.splitlines(keepends=True)[1:]:
        if named := re.match(r"    ([A-Za-z_][\w-]*):", line):
            stays = named[1] not in call_keys.KEYS
        if stays or line.lstrip().startswith("#"):
            kept.append(line)
    return "".join(kept)


def find(text: str, keys: Sequence[str] = own_grammar.LEDGER) -> Block | None:
    """The telemetry block of ``text`` when it is in agentd's layout, else None.

    Comment lines, blank lines and comments after values are allowed. ``text`` has ``\\n`` line ends
    and no control characters (``Source.ordinary``).
    """
    opening = _OPENING.search(text)
    if opening is None:
        return None
    start = opening.start()
    if text.find("#", start) < 0 and (found := _read(text, start, keys)):
        columns, end = found
        if text[end : end + 1] not in {" ", "\n"}:
            return Block(start, end, columns)
    following = re.compile(_NEXT_KEY).search(text, opening.end() - 1)
    end = following.end() if following else len(text)
    bare = re.sub(_BLANK, "", re.sub(_COMMENT, r"\1", text[start:end]))
    found = _read(bare, 0, keys)
    return Block(start, end, found[0]) if found and found[1] == len(bare) else None


def _read(text: str, start: int, keys: Sequence[str]) -> tuple[own_grammar.Columns, int] | None:
    """The calls of the block without comments that begins at ``start``, and the block's end."""
    is_empty = text.startswith(_NO_CALLS, start)
    if not is_empty and not text.startswith(_CALLS, start):
        return None
    begin = start + len(_NO_CALLS if is_empty else _CALLS)
    end = text.find(_TOTALS, begin - 1) + 1
    closing = _CLOSING.match(text, end) if end and is_empty is (end == begin) else None
    found = own_grammar.columns(text[begin:end], keys) if closing else None
    if closing is None or found is None:
        return None
    if closing[1]:
        from agentd.ledger import newer_layout  # few ledgers need it

        if not newer_layout.is_sound(closing[1]):
            return None
    return found, closing.end()


def after_last_value(text: str, *, skip_indented: bool = True) -> int:
    """The offset behind the last line of ``text`` that is neither blank nor a comment, else 0.

    ``skip_indented``: an indented ``#`` begins a comment, too (it may be in a literal block).
    """
    end = len(text)
    while end:
        start = text.rfind("\n", 0, end - 1) + 1
        line = text[start:end]
        bare = line.strip()
        if bare and not (bare if skip_indented else line).startswith("#"):
            break
        end = start
    return end
