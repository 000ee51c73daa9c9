"""What is said after a call about the budgets it was charged to, each thing once."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from agentd.budget.account import Account, Amount
from agentd.budget.marks import Mark, amount_marks, exceeded_marks, percent_marks
from agentd.budget.reservations import Reservations
from agentd.budget.spending import (
    ProjectAccount,
    change_account,
    has_project_limit,
    ledgers,
    limits_dollars,
    metered,
    part_accounts,
)
from agentd.clock import local_time, utc_now
from agentd.errors import LockHeld
from agentd.ledger.store import StateStore
from agentd.metering.call import CallRecord
from agentd.metering.totals import summarise
from agentd.project.layout import STATE_FILE
from agentd.project.workspace import Workspace

PROJECT = "project"
"""What the names of the project's warnings begin with."""

_WARNED = re.compile(rb"^budget_warned: *['\"]?([^'\"\n]*)", re.MULTILINE)


def after_call(
    workspace: Workspace, change: Path, call: CallRecord, warn: Callable[[str], None]
) -> None:
    """Warn of each mark that is reached now and was not before, in this process or another.

    STATE.yaml keeps which warnings were given.
    """
    budget = workspace.config.budget
    calls = metered(StateStore(change).read())
    account = change_account(budget, change.name, calls)
    marks = [
        *_account_marks(account, budget.warn_at_percent),
        *amount_marks(account.spent, budget.warn_at_dollars, budget.warn_at_tokens),
    ]
    for part in part_accounts(budget, change.name, calls, step=call.step, provider=call.provider):
        marks += _account_marks(part, budget.warn_at_percent, part.key.removeprefix("budget."))
    if summarise([call]).unpriced and limits_dollars(budget):
        marks.append(_unpriced(call))
    given = set(StateStore(change).warn([mark.name for mark in marks])) if marks else set()
    _say((mark for mark in marks if mark.name in given), warn)
    if has_project_limit(budget):
        _project(workspace, change, warn)


def _project(workspace: Workspace, change: Path, warn: Callable[[str], None]) -> None:
    """The project's marks: given once in its period, whichever change reached them."""
    reservations = Reservations(workspace.project.running_dir)
    project = ProjectAccount(workspace, reservations, utc_now())
    percent = workspace.config.budget.project.warn_at_percent
    name = PROJECT + (f"@{project.period.name}" if project.period.name else "")
    marks = _account_marks(replace(project.now(), reserved=Amount()), percent, name)
    if not marks:
        return
    given: set[str] = set()
    # Else it is told after the next call: this one is recorded, and nobody need wait.
    with contextlib.suppress(LockHeld), reservations.deciding(timeout_s=2.0):
        new = {mark.name for mark in marks} - _given(workspace)
        given = set(StateStore(change).warn(sorted(new))) if new else set()
    _say((mark for mark in marks if mark.name in given), warn)


def _given(workspace: Workspace) -> set[str]:
    """The names of the warnings that stand in the ledgers."""
    paths = (ledger.path / STATE_FILE for ledger in ledgers(workspace))
    texts = (path.read_bytes() for path in paths if path.is_file())
    found = (match for text in texts for match in _WARNED.findall(text))
    return {name for names in found for name in names.decode(errors="replace").split()}


def _account_marks(account: Account, percent: Decimal, name: str = "") -> list[Mark]:
    return [*percent_marks(account, percent, name), *exceeded_marks(account, name)]


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
