"""Runs that earlier commands could not enter, entered before a new one begins."""

from __future__ import annotations

from pathlib import Path

from agentd.workflow import recording
from agentd.workflow.budget.unpriced import check_priced
from agentd.workflow.budget.warning import after_call
from agentd.workflow.order import Order
from agentd.workflow.recording import Settled
from agentd.workflow.workspace import Workspace


def settle(workspace: Workspace, change: Path, order: Order) -> list[Settled]:
    """Enter them, say so, and warn as after any call; a CLI that still works is stopped.

    Raises BudgetExceeded when one of them has no price and that must end the run.
    """
    entered = recording.settle(workspace, change, stop_running=True)
    for settled in entered:
        order.note(f"entered an earlier call: {settled.record.step}, {settled.record.status}")
        after_call(workspace, change, settled.record, order.warn)
    for settled in entered:
        check_priced(workspace, change, settled.record, override=order.override_budget)
    return entered
