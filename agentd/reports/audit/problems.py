"""What an audit finds: a difference, or a note on something that only looks like one."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal, NamedTuple, TypeAlias

from agentd.frozen import frozen

Check = Literal[
    "ledger",
    "totals",
    "values",
    "parts",
    "price",
    "reported",
    "tokens",
    "requests",
    "changed",
    "twice",
    "missing",
]
Value: TypeAlias = "Decimal | int | str | Mapping[str, object] | None"

STATE_FIX = "Correct it in STATE.yaml; the totals are added up anew at the next write."


class Problem(NamedTuple):
    """One thing that is not as expected; ``is_note``: it may well be right, or can't be checked.

    ``off_usd`` is by how much the ledger is too high, negative when too low; None when unknown.
    ``subject`` is what notes of one kind are about, such as a model: they are told together.
    """

    check: Check
    message: str
    recorded: Value = None
    expected: Value = None
    fix: str = ""
    off_usd: Decimal | None = None
    is_note: bool = False
    subject: str = ""


class Finding(NamedTuple):
    """A problem and its place: the ledger ``path``, and the call if it is about one.

    ``number`` is the call's place in the ledger, from 1; None for one that is not in it.
    ``call_id`` is None for calls of the original agentd, which gave them none.
    """

    change_id: str
    path: str
    number: int | None
    call_id: str | None
    problem: Problem


@frozen(kw_only=True)
class Audit:
    """What was looked at, and what was found. ``changes`` counts an archived copy by itself."""

    changes: int
    calls: int
    differences: tuple[Finding, ...]
    notes: tuple[Finding, ...]

    def off_usd(self) -> tuple[Decimal, Decimal]:
        """What is recorded too much, and too little, in USD; each call counts once."""
        by_call: dict[tuple[object, ...], Decimal] = {}
        for change_id, path, number, call_id, problem in self.differences:
            if problem.off_usd is None:
                continue
            call = (change_id, path, number, call_id)
            if problem.check == "twice":  # all of it, whatever else is wrong with it
                by_call[call] = problem.off_usd
            else:
                by_call.setdefault(call, problem.off_usd)
        amounts = by_call.values()
        too_much = sum((amount for amount in amounts if amount > 0), Decimal(0))
        return too_much, sum((-amount for amount in amounts if amount < 0), Decimal(0))
