"""The command that deletes a change: delete."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from agentd.cli.options import ChangeId
from agentd.cli.terminal import show, write_stderr
from agentd.errors import InputError, UsageError


def delete(
    change_id: ChangeId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
) -> None:
    """Delete a change; what it cost still counts.

    Its documents and the logs of its runs go. STATE.yaml moves to the archive, so that its calls
    stay in every sum and budget. Code that its steps wrote stays. Asks first.
    """
    from agentd.metering.totals import summarise
    from agentd.metering.unpriced import UNPRICED
    from agentd.project.changes import find_change
    from agentd.project.copies import is_taken_up
    from agentd.project.hold import at_work
    from agentd.project.workspace import Workspace
    from agentd.text import counted
    from agentd.workflow.delete import check_deletable
    from agentd.workflow.delete import delete as run_delete

    project = Workspace.open_to_write(Path.cwd()).project
    change = find_change(project, change_id)
    if change.archived_on and not change.is_deleted:
        raise InputError(
            f"change {change_id} is archived as {project.shown(change.folder)}/",
            fix="What is archived stays: its specs are merged.",
        )
    with at_work(change):
        if not change.archived_on:
            check_deletable(change)
        told = ""
        if is_taken_up(change) and (calls := len(change.state.rows)):
            totals = summarise(change.state.rows)
            without = f", {totals.unpriced:,} without a price" if totals.unpriced else ""
            cost = "" if totals.cost_shown == UNPRICED else f", {totals.cost_shown}"
            told = f" ({counted(calls, 'call')}{cost}{without})"
        if not yes:
            _ask(f"Delete {project.shown(change.folder)}/{told}? [y/N] ")
        kept = run_delete(change)
    show(f"deleted change {change_id}")
    if kept is not None:
        show(f"what it cost{told} still counts: {project.shown(kept)}")


def _ask(question: str) -> None:
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("delete asks, and stdin is no terminal", fix="Add --yes to delete it.")
    write_stderr(question)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise typer.Abort
