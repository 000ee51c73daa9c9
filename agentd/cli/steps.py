"""The commands that run one step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from agentd.cli.options import ChangeId
from agentd.cli.run_options import Asked, Description, Resolve, asking
from agentd.cli.terminal import show
from agentd.workflow.steps import STEPS, Step


@asking("no_checks")
def proposal(
    change_id: ChangeId,
    description: Description,
    *,
    asked: Asked,
) -> None:
    """Make a change: proposal.md, tasks.md and specs."""
    from agentd.cli.working import at_work_on_new, open_workspace, show_outcome
    from agentd.workflow.begin import propose, quoted

    workspace, order, progress = open_workspace(asked)
    quoted(change_id, description)
    with at_work_on_new(workspace, change_id, "proposal", order) as change:
        show_outcome(progress, propose(change, description, order))


@asking("session", "no_checks")
def fillback(
    change_id: ChangeId,
    path: Annotated[
        str, typer.Option("--path", metavar="DIR", help="The code to write specs for.")
    ] = ".",
    *,
    asked: Asked,
) -> None:
    """Make a change that writes specs for existing code.

    A call for each part that fits a context window; run again, it goes on where it stopped.
    """
    from agentd.cli.working import at_work_on_new, open_workspace, show_outcome
    from agentd.workflow.begin import fill_back
    from agentd.workflow.fillback.parts import plan_parts
    from agentd.workflow.next_command import next_command

    workspace, order, progress = open_workspace(asked)
    plan_parts(workspace.project.root, path)
    with at_work_on_new(workspace, change_id, "fillback", order) as change:
        for outcome in fill_back(change, path, order):
            show_outcome(progress, outcome, last=False)
        show(f"described; next: {next_command(change)}")


@asking("session", "wait", "no_checks")
def merge(
    change_id: ChangeId,
    resolve: Resolve = False,
    *,
    asked: Asked,
) -> None:
    """Merge the change's specs by rule, into its folder merged/.

    The main specs change when the change is archived. No call is made but for a real conflict
    with --resolve.
    """
    from agentd.cli.working import at_work_on, open_workspace, show_outcome
    from agentd.specs.staging import merged_dir
    from agentd.workflow.archive import merge as run_merge
    from agentd.workflow.next_command import next_command

    workspace, order, progress = open_workspace(asked)
    with at_work_on(workspace, change_id) as change:
        for outcome in run_merge(change, order, resolving=resolve):
            show_outcome(progress, outcome)
        show(f"merged: {workspace.project.shown(merged_dir(change.folder))}/")
        show(f"  next: {next_command(change)}")


def _command_of(step: Step) -> Callable[..., None]:
    @asking(*(() if step.runs_checks else ("no_checks",)))
    def command(change_id: ChangeId, *, asked: Asked) -> None:
        from agentd.cli.working import at_work_on, open_workspace, show_outcome
        from agentd.workflow.step import run_step
        from agentd.workflow.step_run import StepRun

        workspace, order, progress = open_workspace(asked)
        with at_work_on(workspace, change_id) as change:
            run = StepRun(change=change, step=step, order=order)
            show_outcome(progress, run_step(run))

    command.__doc__ = step.help
    return command


def __getattr__(name: str) -> Callable[..., None]:
    """The commands of the steps that are nothing but their rows, such as ``challenge``."""
    for step in STEPS.values():
        if step.command == name and step.help:
            return _command_of(step)
    raise AttributeError(name)
