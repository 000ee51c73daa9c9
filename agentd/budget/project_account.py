"""The account that all changes of a project share, with what running calls have reserved of it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from agentd.budget.account import Account, Amount
from agentd.budget.reservations import Reservation, Reservations
from agentd.budget.spending import limit_account
from agentd.config.model import ProjectBudget
from agentd.errors import StateError
from agentd.files import FileStamp
from agentd.ledger.all_rows import read_each, stamps_of
from agentd.ledger.rows import Row, each_once
from agentd.ledger.same_call import sharing
from agentd.periods import current_period
from agentd.project.changes import archived_changes, open_changes
from agentd.project.layout import Project


class ProjectAccount:
    """The account that all changes of a project share in one period, archived ones too.

    Other processes charge it as well: what their running calls have reserved counts, and a ledger
    that has changed is read again at each look.
    """

    def __init__(self, project: Project, budget: ProjectBudget, now: datetime) -> None:
        self._project = project
        self.reservations = Reservations(project.root)
        self.period = current_period(now, budget.period, budget.timezone)
        shown = f"the project in {self.period.name}" if self.period.name else "the project"
        self._account = limit_account("budget.project", shown, budget)
        self._read: dict[Path, _Read] = {}
        self._spent = Amount()
        self._refresh()

    def usual(self, step: str) -> Amount:
        """What calls of a step have cost and used, the medians; nothing before the first."""
        rows = [row for one in self._read.values() for row in one.rows if row.step == step]
        if not rows:
            return Amount()
        middle = len(rows) // 2
        costs = sorted(row.cost_usd for row in rows)
        return Amount(costs[middle], sorted(row.tokens_in + row.tokens_out for row in rows)[middle])

    def now(self, *, but: str = "", lenient: bool = False) -> Account:
        """The account as it stands, without the reservation of the call ``but``.

        ``lenient``: a ledger that can't be read now counts as it was, as for a call that is paid
        for already. Else raises StateError.

        Reservations first, then ledgers: a call that ends in between is then in both, and counts
        by its ledger.
        """
        held = self.reservations.held(but=but)
        self._refresh(lenient=lenient)
        reserved = Amount()
        for call in held.values():
            entered = any(call.call_id in one.names for one in self._read.values())
            if call.period == self.period.name and not entered:
                reserved = reserved.plus(Amount(call.usd, call.tokens))
        return replace(self._account, spent=self._spent, reserved=reserved)

    def hold(self, call_id: str, run_dir: Path, amount: Amount) -> None:
        """Reserve ``amount`` for a call of this period, in place of what it had reserved."""
        self.reservations.hold(Reservation(call_id, run_dir, *amount, self.period.name))

    def _refresh(self, *, lenient: bool = False) -> None:
        """Read the ledgers that are new or not as they were."""
        project, known, self._read = self._project, self._read, {}
        # In this order, a change that is archived meanwhile is not missed.
        current = [*open_changes(project), *archived_changes(project)]
        stale, stamps = [], dict(zip(current, stamps_of(current), strict=True))
        for change, stamp in stamps.items():
            one = known.get(change.folder)
            if one is not None and one.stamp == stamp:
                self._read[change.folder] = one
            elif stamp is not None or change.folder.is_dir():  # else it was archived just now
                stale.append(change)
        if not lenient:
            for change, rows in zip(stale, read_each(stale), strict=True):
                self._read[change.folder] = self._sum(stamps[change], rows)
        for change in stale if lenient else ():
            try:
                [rows] = read_each([change])
            except StateError:
                if (one := known.get(change.folder)) is not None:
                    self._read[change.folder] = one
            else:
                self._read[change.folder] = self._sum(stamps[change], rows)
        if stale or len(self._read) != len(known):
            self._spent = functools.reduce(Amount.plus, self._each_once(), Amount())

    def rows(self) -> Iterator[Row]:
        """The calls of all ledgers as they were read last, each once, whatever their period."""
        alone, shared = self._once()
        for rows in (*(one.rows for one in alone), *shared):
            yield from rows

    def _each_once(self) -> Iterator[Amount]:
        alone, shared = self._once()
        yield from (one.spent for one in alone)
        for rows in shared:
            yield self._sum(None, rows).spent

    def _once(self) -> tuple[list[_Read], list[list[Row]]]:
        """The ledgers that have all to themselves, and of the others the calls, each once."""
        read = list(self._read.values())
        # A merge may have left copies of a ledger, or of a call that two changes have imported.
        shared = sharing([one.names for one in read])
        alone = [one for at, one in enumerate(read) if at not in shared]
        return alone, each_once([read[at].rows for at in sorted(shared)])

    def _sum(self, stamp: FileStamp | None, rows: list[Row]) -> _Read:
        counted = [row for row in rows if self.period.holds(row.started_at)]
        tokens = sum(row.tokens_in + row.tokens_out for row in counted)
        spent = Amount(sum((row.cost_usd for row in counted), Decimal(0)), tokens)
        names = {row.call_id for row in rows if row.call_id} | {row.change_id for row in rows[:1]}
        return _Read(stamp, rows, frozenset(names), spent)


class _Read(NamedTuple):
    """A ledger as it was read; ``spent`` is what its calls of the period have cost.

    ``names`` are the change's id and those of its calls.
    """

    stamp: FileStamp | None
    rows: list[Row]
    names: frozenset[str]
    spent: Amount
