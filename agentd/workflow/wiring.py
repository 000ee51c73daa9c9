"""Whether a run is metered at the wire, and how."""

from __future__ import annotations

import os
import sys

from agentd.providers.pointing import NotPointed, PointQuery
from agentd.runner.run import RunRequest
from agentd.runner.wire import Relaying
from agentd.workflow.step_run import StepRun

_RELAY = (sys.executable, "-m", "agentd.meter")


def relaying(run: StepRun, request: RunRequest) -> Relaying | None:
    """How the run is relayed; None where ``[meter] wire`` is off, or it can't be, which is told."""
    change = run.change
    if change.workspace.config.meter.wire == "off":
        return None
    row = request.provider
    point = row.cli().point
    query = PointQuery(cwd=change.project.root, environ=os.environ, extra_args=request.extra_args)
    found = point(query) if point else NotPointed(f"agentd can't point {row.name} at a relay")
    if isinstance(found, NotPointed):
        run.order.note(f"{run.step.name}: not metered at the wire: {found.why}")
        return None
    return Relaying(pointing=found, argv=_RELAY, given={"provider": row.name})
