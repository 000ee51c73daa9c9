"""Calls that earlier commands could not enter, entered by the commands that only read."""

from __future__ import annotations

import os

from agentd.project.layout import Change, Project


def enter_unentered(project: Project, change: Change) -> None:
    """Enter the calls that earlier commands could not. Raises StateError.

    A CLI that is still at work is left alone, and so are all when this agentd is older than the
    project's ``min_version``. What that needs is loaded only when there is a run
    that was never entered, so that reports stay quick.
    """
    if not os.path.isdir(f"{change.path}/runs"):  # noqa: PTH112 - a Path takes three times as long
        return
    from agentd.ledger.pending import unentered

    if unentered(change.path / "runs"):
        from agentd import min_version
        from agentd.project.workspace import Workspace
        from agentd.workflow.recording import settle_interrupted_runs

        workspace = Workspace.open(project.root)
        if min_version.complaint(workspace.config.min_version) is None:
            settle_interrupted_runs(workspace, change.path, stop_running=False)
