"""What the commands that spend money share: the project, the order, the hold on the change."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from agentd.cli.progress import Progress
from agentd.cli.run_options import Asked
from agentd.errors import UsageError
from agentd.project.change import Change, find_open_change
from agentd.project.hold import at_work
from agentd.project.phases import refuse_unknown
from agentd.project.workspace import Workspace
from agentd.workflow.order import Order


def open_workspace(asked: Asked) -> tuple[Workspace, Order, Progress]:
    """The project around this folder, what the command line asks for, and who shows it."""
    if asked.quiet and asked.verbose:
        raise UsageError("--quiet and --verbose exclude each other", fix="Give one of them.")
    workspace = Workspace.open_to_write(Path.cwd())
    progress = Progress(quiet=asked.quiet, verbose=asked.verbose)
    for warning in workspace.config.warnings:
        progress.note(f"warning: {warning}")
    order = Order(
        provider=asked.provider,
        model=asked.model,
        session_id=asked.session,
        wait=asked.wait,
        override_budget=asked.budget_override,
        note=progress.note,
        warn=progress.warn,
        watching=progress.watching,
    )
    return workspace, order, progress


@contextlib.contextmanager
def at_work_on(workspace: Workspace, change_id: str) -> Iterator[Change]:
    """A change that is worked on, held for as long as the command runs."""
    change = find_open_change(workspace, change_id)
    with at_work(change):
        refuse_unknown(change)
        yield change


@contextlib.contextmanager
def at_work_on_new(
    workspace: Workspace, change_id: str, step: str, order: Order, *, described: bool = True
) -> Iterator[Change]:
    """The same for a change that is made if it is missing."""
    from agentd.workflow.begin import begin

    change = begin(workspace, change_id, step, order, described=described)
    with at_work(change):
        refuse_unknown(change)
        yield change
