"""The budgets of a change and of the project as the page shows them, and what they warn of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from agentd.budget.account import Account, Amount
from agentd.budget.marks import Mark, amount_marks, percent_marks
from agentd.budget.spending import (
    change_account,
    limit_account,
    metered_calls,
    part_accounts,
    step_of,
)
from agentd.budget.warnings import account_marks, part_warnings
from agentd.clock import iso
from agentd.config.model import BudgetConfig, Percents, each_percent
from agentd.dashboard.amounts import short_usd
from agentd.dashboard.burn import Burn, burn_rate, runs_out_at
from agentd.dashboard.ledger_sums import Cell, LedgerSums
from agentd.ledger.state import State
from agentd.metering.money import usd
from agentd.periods import Period
from agentd.project.change import Change

_NEVER = datetime.max.replace(tzinfo=UTC)


class Budget(NamedTuple):
    """An account with what its spending has reached; ``is_warned``: the highest mark is.

    ``change_key`` is that of the change on the page, None for the project's. ``ends`` is when its
    period is over, None where it has none. ``bound`` says that it has spent "at least" or "about"
    what is told, "" where that is known.
    """

    account: Account
    marks: tuple[Mark, ...]
    is_warned: bool
    change_key: str | None
    ends: datetime | None = None
    bound: str = ""

    @property
    def level(self) -> str:
        """``ok``, ``warning`` from the mark on, ``limit`` with nothing left, ``exceeded``."""
        if any(mark.is_error for mark in self.marks):
            return "exceeded"
        if 0 in (self.account.left_usd(), self.account.left_tokens()):
            return "limit"
        return "warning" if self.is_warned else "ok"

    @property
    def share(self) -> Decimal:
        """What is spent of the limit that is nearest to its end, 1 for all."""
        shares = (self.account.share_usd(), self.account.share_tokens())
        return max((share for share in shares if share is not None), default=Decimal(0))

    def cells_of(self, sums: LedgerSums) -> Iterable[Cell]:
        """What is charged to it of what the calls of its change used."""
        _, _, part = self.account.key.partition(".")
        kind, _, name = part.partition(".")
        match kind:
            case "steps":
                return [cell for cell in sums.cells if step_of(cell.step) == name]
            case "providers":
                return [cell for cell in sums.cells if cell.provider == name]
            case _:
                return sums.cells


def budgets_of(budget: BudgetConfig, change: Change, key: str, state: State) -> Iterator[Budget]:
    """The change's budget and those of steps and providers within it, where they have limits."""
    calls = metered_calls(change, state)
    own = change_account(budget, change.id, calls)
    amounts = [*amount_marks(own.spent, budget.warn_at_dollars, budget.warn_at_tokens)]
    if own.is_set or amounts:
        yield _budget(own, budget.warn_at_percent, "", key, amounts=amounts)
    asked = [
        *((step, None) for step in budget.steps),
        *(("", provider) for provider in budget.providers),
    ]
    for step, provider in asked:
        for account in part_accounts(budget, change.id, calls, step=step, provider=provider):
            yield _budget(account, *part_warnings(budget, account.key), key)


def _budget(
    account: Account,
    percents: Percents,
    name: str,
    key: str | None,
    *,
    amounts: Sequence[Mark] = (),
    ends: datetime | None = None,
) -> Budget:
    highest = [*percent_marks(account, each_percent(percents)[-1], name)]
    marks = (*account_marks(account, percents, name), *amounts)
    return Budget(account, marks, bool(highest or amounts), key, ends)


def project_budget(budget: BudgetConfig, period: Period, spent: Amount) -> Budget | None:
    """That of all changes together in this period; None without a limit."""
    project = budget.project
    if not project.is_set:
        return None
    shown = f"the project in {period.name}" if period.name else "the project"
    empty = limit_account("budget.project", shown, project)
    account = Account(
        key=empty.key,
        shown=shown,
        limit_usd=empty.limit_usd,
        limit_tokens=empty.limit_tokens,
        spent=spent,
    )
    ends = None if period.end is None else datetime.fromtimestamp(period.end, UTC)
    name = f"project@{period.name}" if period.name else "project"
    return _budget(account, project.warn_at_percent, name, None, ends=ends)


def as_json(budget: Budget, cells: Iterable[Cell], now: datetime) -> dict[str, Any]:
    """A budget for the page; ``cells`` are what its calls used."""
    account = budget.account
    burn = burn_rate(cells, now)
    return {
        "key": account.key,
        "change": budget.change_key,
        "shown": account.shown,
        "told": account.told(),
        "bound": budget.bound,
        "level": budget.level,
        "share": float(budget.share),
        "spent": usd(account.spent.usd, 2),
        "limit": account.limit_usd is not None and usd(account.limit_usd, 2),
        "left": _left(account),
        "spent_tokens": account.spent.tokens,
        "limit_tokens": account.limit_tokens,
        "left_tokens": account.left_tokens(),
        "ends": budget.ends and iso(budget.ends),
        **burn_json(burn, account, now, budget.ends),
    }


def burn_json(
    burn: Burn | None, account: Account | None, now: datetime, ends: datetime | None = None
) -> dict[str, Any]:
    """How fast it goes, when it is gone, and what will be spent at the end of the period."""
    if burn is None:
        return {"burn": None, "runs_out": None, "projected": None}
    outs = []
    projected = None
    if account is not None:
        outs = [
            runs_out_at(account.left_usd(), burn.usd_per_hour, now),
            runs_out_at(account.left_tokens(), burn.tokens_per_hour, now),
        ]
        if ends is not None and ends > now:
            hours = Decimal((ends - now).total_seconds()) / 3600
            projected = usd(account.spent.usd + burn.usd_per_hour * hours, 2)
    return {
        "burn": {
            "per_hour": short_usd(burn.usd_per_hour),
            "per_day": short_usd(burn.usd_per_hour * 24),
            "window_s": burn.window_s,
        },
        "runs_out": min(
            (iso(at) for at in outs if at and (ends is None or at < ends)), default=None
        ),
        "projected": projected,
    }


def _left(account: Account) -> str | None:
    if account.limit_usd is None:
        return None
    rest = account.limit_usd - account.spent.usd
    return f"{usd(abs(rest), 2)} {'over' if rest < 0 else 'left'}"


def alerts_of(budgets: Sequence[Budget]) -> list[dict[str, Any]]:
    """What budgets warn of, each with a key that stays the same while it holds."""
    return [
        {
            "key": f"{budget.change_key or ''}:{budget.account.key}:{mark.name}",
            "change": budget.change_key,
            "text": mark.text,
            "is_error": mark.is_error,
        }
        for budget in budgets
        for mark in budget.marks
    ]
