"""What changes have done and cost, from their STATE.yaml alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agentd.errors import InputError, StateError
from agentd.metering.totals import Totals, by, summarise
from agentd.state.kept import unentered
from agentd.state.store import State, StateStore
from agentd.workflow.project import Change, Project, find_project
from agentd.workflow.steps import NEXT_COMMAND


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A change, its sums, and the command that is next (None when it is archived).

    ``state`` is None, and ``problem`` says why, when its STATE.yaml can't be read.
    """

    change: Change
    state: State | None
    totals: Totals
    by_step: dict[str, Totals]
    by_model: dict[str, Totals]
    next: str | None
    problem: str | None = None


def open_overview(start: Path, change_id: str | None) -> Overview:
    """The change of this id in the project around ``start``; without one, the latest.

    Enters first what earlier commands could not. Raises InputError when there is none, StateError
    when its STATE.yaml is broken.
    """
    project = find_project(start)
    change = project.find_change(change_id) if change_id else project.latest_change()
    if change is None:
        raise InputError(
            "there is no change yet",
            fix='Start one: agentd proposal add-something "What to change"',
        )
    _settle(project, change)
    return _overview(change)


def list_overviews(start: Path) -> list[Overview]:
    """All changes of the project, archived ones first; a broken one says so."""
    project = find_project(start)
    views = []
    for change in (*project.archived(), *project.changes()):
        try:
            _settle(project, change)
            views.append(_overview(change))
        except StateError as error:
            nothing = summarise(())
            views.append(
                Overview(
                    change=change,
                    state=None,
                    totals=nothing,
                    by_step={},
                    by_model={},
                    next=None,
                    problem=error.message,
                )
            )
    return views


def _settle(project: Project, change: Change) -> None:
    if unentered(change.path / "runs"):
        from agentd.workflow.recording import settle
        from agentd.workflow.workspace import Workspace

        settle(Workspace.open(project.root), change.path, stop_running=False)


def _overview(change: Change) -> Overview:
    state = StateStore(change.path).read()
    command = None if change.archived_on else NEXT_COMMAND.get(state.phase or "")
    if command == "challenge" and not (change.path / "proposal.md").exists():
        command = "proposal"
    return Overview(
        change=change,
        state=state,
        totals=summarise(state.calls),
        by_step=by(state.calls, "step"),
        by_model=by(state.calls, "model"),
        next=f"agentd {command} {change.id}" if command else None,
    )
