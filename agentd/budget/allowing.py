"""A call with its allowance, from before it begins until it is recorded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from agentd.budget.allowance import Allowance
from agentd.budget.claude import budget_for
from agentd.project.workspace import Workspace
from agentd.runner.run import RunRequest
from agentd.runner.run_folder import RunFolder


@contextlib.contextmanager
def allowing(
    workspace: Workspace, change: Path, request: RunRequest, *, override: bool
) -> Iterator[Allowance]:
    """The allowance of a call, held while it runs, with the request as its budgets allow it.

    ``override``: a person lets it go beyond them. Raises BudgetExceeded, and leaves no run's
    folder, when it may not begin.
    """
    allowance = Allowance(workspace, change, request, override)
    try:
        try:
            allowance.admit()
        except BaseException:
            RunFolder(request.runs_dir / request.call_id).remove()
            raise
        if allowance.limited:
            budget_usd = None
            if request.provider.name == "claude" and not override:
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
