"""Whether a run is metered at the wire, and how."""

from __future__ import annotations

import os
import sys

from agentd.budget.spending import is_limited
from agentd.errors import BudgetExceeded
from agentd.providers.pointing import NotPointed, PointQuery
from agentd.runner.run import RunRequest
from agentd.runner.run_folder import RunFolder
from agentd.runner.wire import Relaying
from agentd.workflow.step_run import StepRun

_RELAY = (sys.executable, "-m", "agentd.budget.gate")


def relaying(run: StepRun, request: RunRequest) -> Relaying | None:
    """How the run is relayed; None where ``[meter] wire`` is off, or it can't be, which is told.

    Raises BudgetExceeded, and leaves no run's folder, where ``budget.strict`` then holds nothing.
    """
    change = run.change
    config = change.workspace.config
    row = request.provider
    limited = is_limited(config.budget, step=request.step, provider=row.name)
    needed = config.budget.strict and limited and not run.order.override_budget
    if config.meter.wire == "off":
        if needed:
            raise _not_strict(request, "metering at the wire is off", 'Set meter.wire = "on"')
        return None
    point = row.cli().point
    query = PointQuery(cwd=change.project.root, environ=os.environ, extra_args=request.extra_args)
    found = point(query) if point else NotPointed(f"agentd can't point {row.name} at a relay")
    if isinstance(found, NotPointed):
        if needed:
            raise _not_strict(
                request, found.why, "Use a login that a relay can carry (docs/meter.md)"
            )
        run.order.note(f"{run.step.name}: not metered at the wire: {found.why}")
        return None
    return Relaying(pointing=found, argv=_RELAY, given={"provider": row.name})


def _not_strict(request: RunRequest, why: str, fix: str) -> BudgetExceeded:
    RunFolder(request.runs_dir / request.call_id).remove()
    return BudgetExceeded(
        f"step {request.step} is refused by budget.strict: its requests can't be held to a limit "
        f"one by one ({why})",
        fix=f"{fix}, set budget.strict = false, or go on without limits: --budget-override.",
    )
