"""The commands that run steps: each is one LLM call, but for merge and archive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentd.cli.options import ChangeId, Model, Provider, Session

if TYPE_CHECKING:
    from agentd.workflow.engine import Order
    from agentd.workflow.workspace import Workspace

PLAIN = {
    "challenge": ("challenge", "Challenge the proposal: CHALLENGE.md."),
    "reproposal": ("reproposal", "Revise the proposal after its challenge."),
    "implement": ("implementation", "Implement the change: code and IMPLEMENTATION.md."),
    "review": ("review", "Review the code against its specs: REVIEW.md."),
    "resolve": ("resolve", "Resolve what the review found."),
}


def proposal(
    change_id: ChangeId,
    description: Annotated[
        str,
        typer.Argument(metavar="DESCRIPTION", show_default=False, help="What to change, and why."),
    ],
    provider: Provider = None,
    model: Model = None,
    session: Session = None,
) -> None:
    """Make a change: proposal.md, tasks.md and specs."""
    from agentd.cli.output import show_outcome
    from agentd.workflow.proposing import propose

    workspace, order = _open(provider, model, session)
    show_outcome(workspace, propose(workspace, change_id, description, order))


def fillback(
    change_id: ChangeId,
    path: Annotated[
        str, typer.Option("--path", metavar="DIR", help="The code to write specs for.")
    ] = ".",
    provider: Provider = None,
    model: Model = None,
    session: Session = None,
) -> None:
    """Make a change that writes specs for existing code."""
    from agentd.cli.output import show_outcome
    from agentd.workflow.proposing import fill_back

    workspace, order = _open(provider, model, session)
    show_outcome(workspace, fill_back(workspace, change_id, path, order))


def merge(change_id: ChangeId, provider: Provider = None, model: Model = None) -> None:
    """Merge the change's specs into agentd/specs.

    One call for each spec that is there already; a new one is copied.
    """
    from agentd.cli.output import show_outcome
    from agentd.workflow import archiving

    workspace, order = _open(provider, model, None)
    for outcome in archiving.merge(workspace, workspace.active_change(change_id), order):
        show_outcome(workspace, outcome)
    print(f"merged into {workspace.shown(workspace.project.specs_dir)}/")


def archive(change_id: ChangeId, provider: Provider = None, model: Model = None) -> None:
    """Merge, write the changelog, review, move to the archive."""
    from agentd.cli.output import show_outcome
    from agentd.workflow import archiving

    workspace, order = _open(provider, model, None)
    change = workspace.active_change(change_id)
    target = archiving.archive_dir(workspace, change)
    for outcome in archiving.archive(workspace, change, order):
        show_outcome(workspace, outcome, last=False)
    print(f"archived as {workspace.shown(target)}/")


def _plain(step_name: str, summary: str) -> Callable[..., None]:
    def command(
        change_id: ChangeId,
        provider: Provider = None,
        model: Model = None,
        session: Session = None,
    ) -> None:
        from agentd.cli.output import show_outcome
        from agentd.workflow.engine import run_step
        from agentd.workflow.steps import STEPS

        workspace, order = _open(provider, model, session)
        change = workspace.active_change(change_id)
        show_outcome(workspace, run_step(workspace, change, STEPS[step_name], order))

    command.__doc__ = summary
    return command


def _open(provider: str | None, model: str | None, session: str | None) -> tuple[Workspace, Order]:
    from agentd.cli.output import note
    from agentd.workflow.engine import Order
    from agentd.workflow.workspace import Workspace

    order = Order(provider=provider, model=model, session_id=session, note=note)
    workspace = Workspace.open(Path.cwd())
    for warning in workspace.config.warnings:
        note(f"warning: {warning}")
    return workspace, order


def register(app: typer.Typer) -> None:
    """Add the commands in the order of the workflow."""
    app.command()(proposal)
    for name, (step_name, summary) in PLAIN.items():
        app.command(name)(_plain(step_name, summary))
    app.command()(merge)
    app.command()(archive)
    app.command()(fillback)
