"""The accounts that a call of a change is charged to, with what each has spent by now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from agentd.budget.account import Account, Amount, amount_of
from agentd.budget.reservations import Reservations
from agentd.config.model import BudgetConfig, Limit
from agentd.errors import BudgetExceeded, StateError
from agentd.files import FileStamp
from agentd.ledger.all_rows import read_each, stamps_of
from agentd.ledger.rows import Row
from agentd.ledger.state import State
from agentd.metering.call import CallRecord
from agentd.metering.totals import summarise
from agentd.periods import current_period
from agentd.project.change import Change, archived_changes, open_changes
from agentd.project.workspace import Workspace


def metered(state: State) -> Sequence[CallRecord]:
    """The calls that count for the change's budget: those since its meter was restarted."""
    return state.calls[state.budget_reset_calls :]


def change_account(budget: BudgetConfig, change_id: str, calls: Sequence[CallRecord]) -> Account:
    """The change's own account; ``calls`` are its metered ones."""
    return _account("budget", f"change {change_id}", budget, calls)


def part_accounts(
    budget: BudgetConfig,
    change_id: str,
    calls: Sequence[CallRecord],
    *,
    step: str,
    provider: str | None,
) -> Iterator[Account]:
    """The accounts of a step and of a provider within the change, where they have limits."""
    if limit := budget.steps.get(step):
        own = [call for call in calls if call.step == step]
        yield _account(f"budget.steps.{step}", f"step {step} in change {change_id}", limit, own)
    if limit := budget.providers.get(provider or ""):
        own = [call for call in calls if call.provider == provider]
        shown = f"provider {provider} in change {change_id}"
        yield _account(f"budget.providers.{provider}", shown, limit, own)


def _account(key: str, shown: str, limit: Limit, calls: Sequence[CallRecord] = ()) -> Account:
    usd, tokens = limit.limit_usd, limit.limit_tokens
    return Account(key=key, shown=shown, limit_usd=usd, limit_tokens=tokens, spent=amount_of(calls))


class ProjectAccount:
    """The account that all changes of a project share in one period, archived ones too.

    Other processes charge it as well: what their running calls have reserved counts, and a ledger
    that has changed is read again at each look.
    """

    def __init__(self, workspace: Workspace, reservations: Reservations, now: datetime) -> None:
        self._workspace, self._reservations = workspace, reservations
        budget = workspace.config.budget.project
        self.period = current_period(now, budget.period, budget.timezone)
        shown = f"the project in {self.period.name}" if self.period.name else "the project"
        self._account = _account("budget.project", shown, budget)
        self._read: dict[Path, _Read] = {}
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
        held = self._reservations.held(but=but)
        self._refresh(lenient=lenient)
        reserved = spent = Amount()
        for one in self._read.values():
            spent = spent.plus(one.spent)
        for call in held.values():
            entered = any(call.call_id in one.call_ids for one in self._read.values())
            if call.period == self.period.name and not entered:
                reserved = reserved.plus(Amount(call.usd, call.tokens))
        return replace(self._account, spent=spent, reserved=reserved)

    def _refresh(self, *, lenient: bool = False) -> None:
        """Read the ledgers that are new or not as they were."""
        project, known, self._read = self._workspace.project, self._read, {}
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
            return
        for change in stale:
            try:
                [rows] = read_each([change])
            except StateError:
                if (one := known.get(change.folder)) is not None:
                    self._read[change.folder] = one
            else:
                self._read[change.folder] = self._sum(stamps[change], rows)

    def _sum(self, stamp: FileStamp | None, rows: list[Row]) -> _Read:
        counted = [row for row in rows if self.period.holds(row.started_at)]
        tokens = sum(row.tokens_in + row.tokens_out for row in counted)
        spent = Amount(sum((row.cost_usd for row in counted), Decimal(0)), tokens)
        return _Read(stamp, rows, frozenset(row.call_id for row in rows), spent)


class _Read(NamedTuple):
    """A ledger as it was read; ``spent`` is what its calls of the period have cost."""

    stamp: FileStamp | None
    rows: list[Row]
    call_ids: frozenset[str]
    spent: Amount


def limits_dollars(budget: BudgetConfig) -> bool:
    """Whether any limit is in dollars."""
    parts = [limit.limit_usd for limit in (*budget.steps.values(), *budget.providers.values())]
    return any(usd is not None for usd in (budget.limit_usd, budget.project.limit_usd, *parts))


def stops_unpriced(budget: BudgetConfig) -> bool:
    """Whether a call without a price must end the run."""
    return budget.on_unpriced == "stop" and limits_dollars(budget)


def check_priced(change: Change, call: CallRecord, *, override: bool) -> None:
    """Raise BudgetExceeded when a recorded call has no price and that must end the run."""
    stops = stops_unpriced(change.workspace.config.budget) and not override
    if stops and summarise([call]).unpriced:
        raise BudgetExceeded(
            f"step {call.step} of change {change.id} was answered by {call.model}, for which no "
            'price is known (budget.on_unpriced = "stop"); the call is recorded',
            fix=f'Give it a price in agentd/config.toml ([pricing.models."{call.model}"]), or go '
            "on all the same: --budget-override.",
        )
