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
    from agentd.project.change import find_open_change
    from agentd.project.workspace import Workspace
    from agentd.workflow.unentered import enter_unentered

    change = find_open_change(Workspace.open_to_write(Path.cwd()), change_id)
    left = enter_unentered(change)
    for sentence in left.notes:
        note(f"note: {sentence}.")
    if left.problems:
        raise left.problems[0]
    change.ledger.restart_meter(keep=PROJECT)
    print(f"The budget of {change_id} counts from its next call on; its calls stay recorded.")
