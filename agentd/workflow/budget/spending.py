"""The accounts that a call of a change is charged to, with what each has spent by now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from agentd.config.model import BudgetConfig
from agentd.metering.accounts import Account, Amount, amount_of
from agentd.metering.call import CallRecord
from agentd.metering.period import current_period
from agentd.report.index import read_rows
from agentd.report.rows import Ledger, Row
from agentd.state.reservations import Reservation, Reservations
from agentd.state.store import State, StateStore
from agentd.workflow.ledgers import ledger_of
from agentd.workflow.workspace import Workspace


def metered(state: State) -> Sequence[CallRecord]:
    """The calls that count for the change's budget: those since its meter was restarted."""
    return state.calls[state.budget_reset_calls :]


def has_project_limit(budget: BudgetConfig) -> bool:
    """Whether all changes together have a limit."""
    return budget.project.limit_usd is not None or budget.project.limit_tokens is not None


def change_account(budget: BudgetConfig, change: Path) -> Account:
    """The change's own account."""
    return Account(
        key="budget",
        shown=f"change {change.name}",
        limit_usd=budget.limit_usd,
        limit_tokens=budget.limit_tokens,
        spent=amount_of(metered(StateStore(change).read())),
    )


def part_accounts(
    budget: BudgetConfig, change: Path, *, step: str, provider: str | None
) -> list[Account]:
    """The accounts of a step and of a provider within the change, where they have limits."""
    calls = metered(StateStore(change).read())
    found = []
    if (limit := budget.steps.get(step)) is not None:
        own = [call for call in calls if call.step == step]
        found.append(("steps", step, limit, own))
    if provider is not None and (limit := budget.providers.get(provider)) is not None:
        own = [call for call in calls if call.provider == provider]
        found.append(("providers", provider, limit, own))
    return [
        Account(
            key=f"budget.{table}.{name}",
            shown=f"{table.removesuffix('s')} {name} in change {change.name}",
            limit_usd=limit.limit_usd,
            limit_tokens=limit.limit_tokens,
            spent=amount_of(own),
        )
        for table, name, limit, own in found
    ]


class ProjectAccount:
    """The account that all changes of a project share in one period, archived ones too.

    Other processes charge it as well: what their running calls have reserved counts, and when one
    of these has ended, what it cost is read from its ledger.
    """

    def __init__(self, workspace: Workspace, reservations: Reservations, now: datetime) -> None:
        self._workspace, self._reservations = workspace, reservations
        budget = workspace.config.budget.project
        self.period = current_period(now, budget.period, budget.timezone)
        self._account = Account(
            key="budget.project",
            shown=f"the project in {self.period.name}" if self.period.name else "the project",
            limit_usd=budget.limit_usd,
            limit_tokens=budget.limit_tokens,
        )
        self._rows: list[Row] = []
        self._entered: set[str] = set()
        # Before the ledgers: a call that ends meanwhile is then missed, and read in now().
        self._held = reservations.held()
        self._add(read_rows(ledgers(workspace)))

    def usual(self, step: str) -> Amount:
        """What calls of a step have cost and used, the medians; nothing before the first."""
        rows = [row for row in self._rows if row.step == step]
        if not rows:
            return Amount()
        middle = len(rows) // 2
        costs = sorted(row.cost_usd for row in rows)
        return Amount(costs[middle], sorted(row.tokens_in + row.tokens_out for row in rows)[middle])

    def now(self, *, but: str = "") -> Account:
        """The account as it stands, without the reservation of the call ``but``."""
        held = self._reservations.held(but=but)
        gone = [self._held[call_id] for call_id in self._held if call_id not in held]
        self._read_ended([one for one in gone if one.call_id not in self._entered | {but}])
        self._held = held
        running = [held[call_id] for call_id in held if call_id not in self._entered]
        reserved = Amount(
            sum((one.usd for one in running), Decimal(0)), sum(one.tokens for one in running)
        )
        return replace(self._account, reserved=reserved)

    def _read_ended(self, ended: Sequence[Reservation]) -> None:
        """Add the calls that have ended, from their changes' ledgers."""
        changes = {one.run_dir.parent.parent for one in ended}
        if all(change.is_dir() for change in changes):
            for change in changes:
                self._add(read_rows([Ledger(change.name, change)]))
        else:  # it has moved to the archive
            self._add(read_rows(ledgers(self._workspace)))

    def _add(self, rows: Iterable[Row]) -> None:
        """Count the calls that were not counted yet."""
        first = not self._rows
        new = [row for row in rows if first or (row.call_id and row.call_id not in self._entered)]
        self._rows += new
        self._entered.update(row.call_id for row in new)
        counted = [row for row in new if self.period.holds(row.started_at)]
        more = Amount(
            sum((row.cost_usd for row in counted), Decimal(0)),
            sum(row.tokens_in + row.tokens_out for row in counted),
        )
        self._account = replace(self._account, spent=self._account.spent.plus(more))


def ledgers(workspace: Workspace) -> list[Ledger]:
    """The ledgers of all changes of the project."""
    project = workspace.project
    return [ledger_of(change) for change in (*project.archived(), *project.changes())]
