"""The command that starts a budget anew: cost reset."""

from __future__ import annotations

from pathlib import Path

from agentd.cli.options import ChangeId


def reset(change_id: ChangeId) -> None:
    """Restart the meter of a change.

    Its budget counts from the next call on, and its warnings are given again. The calls stay in
    its history, and so do what the project has spent and the project's warnings.
    """
    from agentd.budget.warnings import PROJECT
    from agentd.cli.terminal import note
    from agentd.ledger.store import StateStore
    from agentd.project.workspace import Workspace
    from agentd.workflow.unentered import enter_unentered

    workspace = Workspace.open_to_write(Path.cwd())
    change = workspace.active_change(change_id)
    left = enter_unentered(workspace.project, workspace.project.find_change(change_id))
    for sentence in left.notes:
        note(f"note: {sentence}.")
    if left.problems:
        raise left.problems[0]
    StateStore(change).restart_meter(keep=PROJECT)
    print(f"The budget of {change_id} counts from its next call on; its calls stay recorded.")
