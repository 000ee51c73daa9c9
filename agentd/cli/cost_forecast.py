"""Forecasts: the table of ``agentd cost --forecast``, and what ``plan`` and ``run`` say first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from agentd.cli.terminal import print_json, show
from agentd.errors import AgentdError

if TYPE_CHECKING:
    from agentd.cli.progress import Progress
    from agentd.project.change import Change
    from agentd.workflow.decide import Loop
    from agentd.workflow.order import Order


def show_forecast(change_id: str | None, as_json: bool) -> None:
    """Print what the next step and the rest of a change (None: the latest) will probably cost."""
    from agentd.cli.output import print_error, told_waiting
    from agentd.reports.forecast.forecast import forecast
    from agentd.reports.forecast.text import as_document, as_text
    from agentd.reports.status import open_overview

    overview = open_overview(Path.cwd(), change_id)
    change = overview.change
    found = forecast(change, outlooks=True)
    if as_json:
        print_json(as_document(change.id, found))
    elif found is None:
        show(f"{change.id}: no step is left to forecast.")
    else:
        show(as_text(found))
    problems = found.problems if found else ()
    for problem in problems:
        print_error(problem, as_json=False)
    if told_waiting(overview.waiting) or problems:
        raise typer.Exit(1)


def foretell(
    change: Change,
    order: Order,
    progress: Progress,
    description: str | None,
    *,
    loop: Loop | None = None,
) -> None:
    """Say in a line or two what is to come; of a command that runs one ``loop``, if that has more.

    Nothing without history, or with --quiet. What keeps it from a forecast is said and no more:
    it must not end a run.
    """
    if progress.quiet:
        return
    from agentd.reports.forecast.forecast import forecast
    from agentd.reports.forecast.text import as_lines

    try:
        found = forecast(change, order, description)
    except AgentdError as error:
        progress.note(f"no forecast: {error.message}")
        return
    for problem in found.problems if found else ():
        progress.note(f"forecast without {problem.message}")
    if found is not None and (loop is None or found.step in loop.steps):
        for line in as_lines(found):
            progress.note(line)
