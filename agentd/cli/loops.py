"""The commands that run whole loops: plan, impl, archive, run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agentd import git
from agentd.cli.options import ChangeId
from agentd.cli.run_options import Asked, Feedback, OptionalDescription, Resolve, Small, asking
from agentd.cli.terminal import note, show

if TYPE_CHECKING:
    from agentd.project.change import Change
    from agentd.project.workspace import Workspace


@asking("session", "no_checks")
def plan(
    change_id: ChangeId,
    description: OptionalDescription = None,
    small: Small = False,
    feedback: Feedback = None,
    *,
    asked: Asked,
) -> None:
    """Propose, challenge, revise until the challenge approves.

    Goes on where it stopped; the description is needed once.
    """
    from agentd.cli.cost_forecast import foretell
    from agentd.cli.working import at_work_on_new, keep_feedback, open_workspace, show_outcomes
    from agentd.workflow.decide import PLAN
    from agentd.workflow.next_command import next_command
    from agentd.workflow.plan_impl_run import plan as run_plan
    from agentd.workflow.telling import telling_end

    workspace, order, progress = open_workspace(asked)
    described = description is not None
    with at_work_on_new(workspace, change_id, "proposal", order, described=described) as change:
        keep_feedback(change, feedback)
        foretell(change, order, progress, description, loop=PLAN)
        outcomes = run_plan(change, description, order, small=small)
        show_outcomes(progress, change, telling_end(change, order, outcomes))
        show(f"planned; next: {next_command(change)}")


@asking("session")
def impl(change_id: ChangeId, feedback: Feedback = None, *, asked: Asked) -> None:
    """Implement, check, review, resolve until the review approves.

    The project's own tests, lint and audit run once before the first code, and before each review:
    while a required one is red, none is paid for. Goes on where it stopped.
    """
    from agentd.cli.working import at_work_on, keep_feedback, open_workspace, show_outcomes
    from agentd.workflow.next_command import next_command
    from agentd.workflow.plan_impl_run import impl as run_impl
    from agentd.workflow.telling import telling_end

    workspace, order, progress = open_workspace(asked)
    with at_work_on(workspace, change_id) as change:
        keep_feedback(change, feedback)
        show_outcomes(progress, change, telling_end(change, order, run_impl(change, order)))
        show(f"complete; next: {next_command(change)}")


@asking("session")
def archive(change_id: ChangeId, resolve: Resolve = False, *, asked: Asked) -> None:
    """Merge, write the changelog, review, move to the archive.

    The main specs change only when the archive review has approved, and no required check is red.
    """
    from agentd.cli.working import at_work_on, open_workspace, show_outcomes
    from agentd.workflow.archive import archive as run_archive
    from agentd.workflow.telling import telling_end

    workspace, order, progress = open_workspace(asked)
    with at_work_on(workspace, change_id) as change:
        outcomes = run_archive(change, order, resolving=resolve)
        show_outcomes(progress, change, telling_end(change, order, outcomes))
        _show_archived(workspace, change)


@asking("session")
def run(
    change_id: ChangeId,
    description: OptionalDescription = None,
    small: Small = False,
    approve: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GATE", help="Pass this gate: plan, impl, archive. STATE.yaml keeps it."
        ),
    ] = None,
    resolve: Resolve = False,
    feedback: Feedback = None,
    *,
    asked: Asked,
) -> None:
    """Take a change from a sentence to the archive.

    That is plan, impl, archive. Stops where a person must decide, and goes on where it stopped.
    """
    from agentd.cli.cost_forecast import foretell
    from agentd.cli.working import (
        at_work_on_new,
        keep_feedback,
        open_workspace,
        show_outcomes,
        show_spent,
    )
    from agentd.project.changes import archive_dir
    from agentd.workflow.archive import archived
    from agentd.workflow.plan_impl_run import run as run_whole
    from agentd.workflow.telling import telling_end

    workspace, order, progress = open_workspace(asked)
    described = description is not None
    if (done := archived(workspace.project, change_id, described=described)) is not None:
        show_spent(done)
        show(f"archived already as {workspace.project.shown(done.folder)}/")
        if feedback:
            note(f"warning: no step takes the feedback: {change_id} is archived")
        return
    with at_work_on_new(workspace, change_id, "proposal", order, described=described) as change:
        archive_dir(change)  # raises before anything is paid for
        keep_feedback(change, feedback)
        foretell(change, order, progress, description)
        outcomes = run_whole(
            change,
            description,
            order,
            small=small,
            approved=tuple(approve or ()),
            resolving=resolve,
        )
        show_outcomes(progress, change, telling_end(change, order, outcomes))
        _show_archived(workspace, change)


def _show_archived(workspace: Workspace, change: Change) -> None:
    """Where the change lies now, and in a repository the command that shows its cost in git."""
    folder = workspace.project.shown(change.folder)
    show(f"archived as {folder}/")
    if git.has_repository(workspace.project.root):
        show(f"next: git add -A && git diff --cached {folder}/STATE.yaml")


def feedback(
    change_id: ChangeId,
    text: Annotated[
        str, typer.Argument(metavar="TEXT", show_default=False, help="What to mend, in your words.")
    ],
) -> None:
    """Say what a change's next reproposal or resolve is to mend.

    STATE.yaml keeps it until that step has it, once. The loop makes that step for it, also where
    its judge has approved or its rounds are used up. Example: `agentd feedback add-oauth "Ask for
    the scope read:user only"`, then `agentd run add-oauth`.
    """
    from agentd.cli.arguments import checked_text
    from agentd.cli.working import at_work_on, keep_feedback
    from agentd.project.workspace import Workspace
    from agentd.workflow.next_command import next_command

    checked_text(text, "the feedback")
    with at_work_on(Workspace.open_to_write(Path.cwd()), change_id) as change:
        keep_feedback(change, text)
        show(f"kept for the next reproposal or resolve; next: {next_command(change)}")
