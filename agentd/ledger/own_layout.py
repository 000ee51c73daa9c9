"""The telemetry block in agentd's own layout: recognised strictly, extended as text."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from agentd.ledger import own_grammar as grammar
from agentd.ledger import render, scalar
from agentd.ledger.fields import Fields, Value
from agentd.metering.call import CallRecord
from agentd.metering.money import EXACT

TOTALS = ("total_cost_usd", "total_tokens_in", "total_tokens_out")

_CALLS = "telemetry:\n  calls:\n"
_NO_CALLS = "telemetry:\n  calls: []\n"
_OPENING = re.compile(r"^telemetry:(?: +#.*)?\n", re.MULTILINE)
_NEXT_KEY = re.compile(r"\n(?=[^ #\n])")
_BLANK = re.compile(r"^ *(?:#.*)?\n", re.MULTILINE)
_COMMENT = re.compile(
    rf"^( *(?:- )?[\w-]+:(?: (?:{scalar.SINGLE}|{scalar.DOUBLE}|[^'\"#\n ][^#\n]*?))?) +#.*$",
    re.MULTILINE,
)
_CLOSING = re.compile(
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
        values: tuple[Value, ...] = (self.cost_usd, self.tokens_in, self.tokens_out)
        return [
            f"  {key}: {render.yaml_value(value)}"
            for key, value in zip(TOTALS, values, strict=True)
        ]


def add_up(
    costs_usd: Iterable[Decimal], tokens_in: Iterable[int], tokens_out: Iterable[int]
) -> Sums:
    """The totals of columns of calls, exact."""
    cost_usd = functools.reduce(EXACT.add, costs_usd, Decimal(0))
    return Sums(cost_usd, sum(tokens_in), sum(tokens_out))


class Block(NamedTuple):
    """Where the block stands in a text, and its calls as rows of text, by these keys."""

    start: int
    end: int
    keys: tuple[str, ...]
    rows: Sequence[grammar.Row]

    def ids(self) -> set[str]:
        """The ids of the calls that have one."""
        ids = {call_id for call_id in self._column("id") if call_id}
        quoted = {call_id for call_id in ids if call_id[0] in "'\""}
        return (ids - quoted) | set(map(scalar.read_text, quoted))

    def records(self) -> Iterator[CallRecord]:
        """The calls; only of a block with all keys."""
        return map(grammar.record, self.rows)

    def append(self, text: str, calls: Sequence[Fields]) -> str:
        """``text`` with the calls after the last one; else only the values of the totals change."""
        totals_at = text.rindex(f"\n  {TOTALS[0]}:", self.start, self.end) + 1
        head = text[self.start : totals_at]
        if not self.rows:
            head = head.replace("\n  calls: []", "\n  calls:", 1)
        insert_at = after_last_value(head)
        new = "".join(f"{line}\n" for call in calls for line in render.yaml_lines(call))
        closing = text[totals_at : self.end]
        for key, line in zip(TOTALS, self._sums(calls).lines(), strict=True):
            closing = re.sub(rf"(?m)^  {key}: +[^ \n]+", line, closing, count=1)
        before, after = text[: self.start], text[self.end :]
        return "".join((before, head[:insert_at], new, head[insert_at:], closing, after))

    def has_sound_times(self) -> bool:
        """Whether the calendar has each call's time."""
        return grammar.sound_times(self._column("timestamp"))

    def _sums(self, calls: Sequence[Fields]) -> Sums:
        def column(key: str) -> list[str]:
            return [*self._column(key), *(str(call[key]) for call in calls)]

        return add_up(
            map(Decimal, column("cost_usd")),
            map(int, column("tokens_in")),
            map(int, column("tokens_out")),
        )

    def _column(self, key: str) -> list[str]:
        number = self.keys.index(key)
        return [row[number] for row in self.rows]


def find(text: str, keys: tuple[str, ...] = grammar.LEDGER) -> Block | None:
    """The telemetry block of ``text`` when it is in agentd's layout, else None.

    Comment lines, blank lines and comments after values are allowed. ``text`` has ``\\n`` line ends
    and no control characters (``Source.ordinary``).
    """
    opening = _OPENING.search(text)
    if opening is None:
        return None
    following = _NEXT_KEY.search(text, opening.end() - 1)
    end = following.end() if following else len(text)
    bare = text[opening.start() : end]
    if "#" in bare or "\n\n" in bare:
        bare = _BLANK.sub("", _COMMENT.sub(r"\1", bare))
    if bare.startswith(_NO_CALLS):
        rows: list[grammar.Row] = []
        position = len(_NO_CALLS)
    elif bare.startswith(_CALLS):
        rows, position = grammar.rows(bare, len(_CALLS), keys)
    else:
        return None
    closing = _CLOSING.fullmatch(bare, position)
    empty = not rows and position == len(_CALLS)
    if closing is None or empty or not grammar.sound_unknown(closing[1]):
        return None
    found = Block(opening.start(), end, keys, rows)
    return found if found.has_sound_times() else None


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
