"""The ledgers of a project's changes, with what earlier commands could not enter."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agentd.workflow.project import Change, Project

if TYPE_CHECKING:
    from agentd.report.rows import Ledger


def ledger_of(change: Change) -> Ledger:
    """The ledger of a change."""
    from agentd.report.rows import Ledger  # `agentd status` needs only the other one

    return Ledger(change.id, change.path, change.archived_on)


def settle(project: Project, change: Change) -> None:
    """Enter the calls that earlier commands could not. Raises StateError.

    A CLI that is still at work is left alone. What that needs is loaded only when there is a run
    that was never entered, so that reports stay quick.
    """
    if not os.path.isdir(f"{change.path}/runs"):  # noqa: PTH112 - a Path takes three times as long
        return
    from agentd.state.kept import unentered

    if unentered(change.path / "runs"):
        from agentd.workflow.recording import settle as enter_all
        from agentd.workflow.workspace import Workspace

        enter_all(Workspace.open(project.root), change.path, stop_running=False)
