"""Budgets as the commands and the attempts use them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from agentd.metering.money import usd
from agentd.runner.folder import RunFolder
from agentd.runner.script import RunRequest
from agentd.state.store import StateStore
from agentd.workflow.allowance import Allowance
from agentd.workflow.claude_budget import budget_for
from agentd.workflow.spending import change_account
from agentd.workflow.workspace import Workspace

if TYPE_CHECKING:
    from agentd.workflow.engine import Order


@contextlib.contextmanager
def allowing(
    workspace: Workspace, change: Path, request: RunRequest, order: Order
) -> Iterator[Allowance]:
    """The allowance of a call, held while it runs, with the request as its budgets allow it.

    Raises BudgetExceeded, and leaves no run's folder, when it may not begin.
    """
    allowance = Allowance(workspace, change, request, order.override_budget)
    try:
        try:
            allowance.admit()
        except BaseException:
            RunFolder(request.runs_dir / request.call_id).remove()
            raise
        if allowance.limited:
            budget_usd = None
            if request.provider.name == "claude" and not order.override_budget:
                budget_usd = budget_for(
                    workspace,
                    command=request.command,
                    model=request.model,
                    left_usd=allowance.left_usd(),
                )
            allowance.request = replace(request, meter=allowance.meter, budget_usd=budget_usd)
        yield allowance
    finally:
        allowance.release()


def reset(change: Path) -> None:
    """Let the change's budgets count from its next call on, and every warning be given again.

    The calls stay, and so does what the project has spent. Raises StateError.
    """
    StateStore(change).restart_meter()


def spent_line(workspace: Workspace, change: Path) -> str | None:
    """``$4.2000 of $50.0000 spent, 12000 of 5000000 tokens``; None without limits."""
    account = change_account(workspace.config.budget, change)
    parts = []
    if account.limit_usd is not None:
        parts.append(f"{usd(account.spent.usd)} of {usd(account.limit_usd)} spent")
    if account.limit_tokens is not None:
        parts.append(f"{account.spent.tokens} of {account.limit_tokens} tokens used")
    return ", ".join(parts) or None
