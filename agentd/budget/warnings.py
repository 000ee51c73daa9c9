"""What is said after a call about the budgets it was charged to, each thing once."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path

from agentd.budget.account import Account, Amount
from agentd.budget.marks import Mark, amount_marks, exceeded_marks, percent_marks
from agentd.budget.spending import change_account, limits_dollars, metered_calls, part_accounts
from agentd.clock import local_time, utc_now
from agentd.config.model import BudgetConfig, Percents, each_percent
from agentd.errors import LockHeld, StateError
from agentd.late_pattern import late_pattern
from agentd.ledger import plain_files
from agentd.metering.call import CallRecord
from agentd.metering.totals import summarise
from agentd.project.change import Change
from agentd.project.changes import all_changes
from agentd.project.layout import STATE_FILE, Project

PROJECT = "project"
"""What the names of the project's warnings begin with."""

_WARNED = late_pattern(rb"^budget_warned: *['\"]?([^'\"\n]*)", re.MULTILINE)


def after_call(change: Change, call: CallRecord, warn: Callable[[str], None]) -> None:
    """Warn of each mark that is reached now and was not before, in this process or another.

    STATE.yaml keeps which warnings were given.
    """
    budget = change.workspace.config.budget
    if not _has_marks(budget):
        return
    calls = metered_calls(change)
    account = change_account(budget, change.id, calls)
    marks = [
        *account_marks(account, budget.warn_at_percent),
        *amount_marks(account.spent, budget.warn_at_dollars, budget.warn_at_tokens),
    ]
    for part in part_accounts(budget, change.id, calls, step=call.step, provider=call.provider):
        marks += account_marks(part, *part_warnings(budget, part.key))
    if summarise([call]).unpriced and limits_dollars(budget):
        marks.append(_unpriced(call))
    given = set(change.ledger.warn([mark.name for mark in marks])) if marks else set()
    _say((mark for mark in marks if mark.name in given), warn)
    if budget.project.is_set:
        _project(change, warn)


def _has_marks(budget: BudgetConfig) -> bool:
    """Whether anything is set that can be warned of."""
    amounts = (budget.limit_usd, budget.limit_tokens, budget.warn_at_dollars, budget.warn_at_tokens)
    return (
        any(amount is not None for amount in amounts)
        or bool(budget.steps or budget.providers)
        or budget.project.is_set
    )


def _project(change: Change, warn: Callable[[str], None]) -> None:
    """The project's marks: given once in its period, whichever change reached them."""
    from agentd.budget.project_account import ProjectAccount

    budget = change.workspace.config.budget.project
    project, percent = ProjectAccount(change.project, budget, utc_now()), budget.warn_at_percent
    name = PROJECT + (f"@{project.period.name}" if project.period.name else "")
    marks = account_marks(replace(project.now(), reserved=Amount()), percent, name)
    if not marks:
        return
    given: set[str] = set()
    # Else it is told after the next call: this one is recorded, and nobody need wait.
    with contextlib.suppress(LockHeld), project.reservations.deciding(timeout_s=2.0):
        new = {mark.name for mark in marks} - _given(change.project)
        given = set(change.ledger.warn(sorted(new))) if new else set()
    _say((mark for mark in marks if mark.name in given), warn)


def _given(project: Project) -> set[str]:
    """The names of the warnings that stand in the ledgers."""
    found = (
        match
        for change in all_changes(project)
        for match in _WARNED.findall(_ledger_of(change.folder))
    )
    return {name for names in found for name in names.decode(errors="replace").split()}


def _ledger_of(folder: Path) -> bytes:
    with contextlib.suppress(StateError):  # one that can't be read keeps nobody from warning
        return plain_files.read_file(folder / STATE_FILE) or b""
    return b""


def account_marks(account: Account, percents: Percents, name: str = "") -> list[Mark]:
    """All that an account has reached, the lowest first; ``name`` is before each of their names."""
    every = (percent_marks(account, percent, name) for percent in each_percent(percents))
    return [*chain.from_iterable(every), *exceeded_marks(account, name)]


def part_warnings(budget: BudgetConfig, key: str) -> tuple[Percents, str]:
    """Where the account of a step or a provider warns, and what its warnings begin with."""
    name = key.removeprefix("budget.")
    table, _, part = name.partition(".")
    limit = {"steps": budget.steps, "providers": budget.providers}[table][part]
    return limit.warn_at_percent, name


def _unpriced(call: CallRecord) -> Mark:
    model = "_".join(call.model.split())
    return Mark(
        f"unpriced.{model}",
        f"no price is known for {call.model}: its calls are in no budget in dollars "
        f'(give it one: [pricing.models."{call.model}"])',
    )


def _say(marks: Iterable[Mark], warn: Callable[[str], None]) -> None:
    for mark in marks:
        level = "ERROR" if mark.is_error else "WARN "
        warn(f"[{local_time()}] {level} {mark.text}")
