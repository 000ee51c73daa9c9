"""The accounts that a call of a change is charged to, with what each has spent by now."""

from __future__ import annotations

from collections.abc import Sequence
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
    of these has ended, the ledgers are read again.
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
        self._rows: Sequence[Row] = ()
        self._entered: frozenset[str] = frozenset()
        self._held: set[str] = set()
        self.read()

    def read(self) -> None:
        """Read all ledgers."""
        self._rows = read_rows(ledgers(self._workspace))
        self._entered = frozenset(row.call_id for row in self._rows)
        counted = [row for row in self._rows if self.period.holds(row.started_at)]
        tokens = sum(row.tokens_in + row.tokens_out for row in counted)
        spent = Amount(sum((row.cost_usd for row in counted), Decimal(0)), tokens)
        self._account = replace(self._account, spent=spent)

    def usual_usd(self, step: str) -> Decimal:
        """What calls of a step have cost, the median; 0 before the first."""
        costs = sorted(row.cost_usd for row in self._rows if row.step == step)
        return costs[len(costs) // 2] if costs else Decimal(0)

    def now(self, *, but: str = "") -> Account:
        """The account as it stands, without the reservation of the call ``but``."""
        held = self._reservations.held(but=but)
        if not self._held <= set(held):
            self.read()
        self._held = set(held)
        running = [held[call_id] for call_id in held if call_id not in self._entered]
        return replace(self._account, reserved=_sum(running))


def ledgers(workspace: Workspace) -> list[Ledger]:
    """The ledgers of all changes of the project."""
    project = workspace.project
    return [ledger_of(change) for change in (*project.archived(), *project.changes())]


def _sum(reservations: Sequence[Reservation]) -> Amount:
    total = Amount()
    for reservation in reservations:
        total = total.plus(Amount(reservation.usd, reservation.tokens))
    return total
