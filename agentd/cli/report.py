"""The command that writes the page of the dashboard into one file: report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agentd.cli.options import LatestChangeId
from agentd.cli.terminal import note, show

_MOST = 50


def report(
    change_id: LatestChangeId = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write the page into this file.", dir_okay=False
        ),
    ] = None,
) -> None:
    """Write the page of `agentd dashboard` as it is now into one file, to mail or to attach.

    With an ID it opens at that change. Without one it has the calls and documents of all open
    changes (the 50 that were written to last), and the costs of all changes. Who gets the file can
    read these documents; keys are masked.
    """
    from agentd.clock import precise_utc_now
    from agentd.dashboard.entry import key_of
    from agentd.dashboard.freeze import frozen_page
    from agentd.dashboard.index import Index
    from agentd.errors import UsageError
    from agentd.files import write_named
    from agentd.periods import zone
    from agentd.project.changes import asked_change
    from agentd.project.layout import find_project

    if html is None:
        raise UsageError("no file is named", fix="Name one: agentd report --html report.html")
    project = find_project(Path.cwd())
    chosen = key_of(asked_change(project, change_id)) if change_id else None
    index = Index(project)
    index.load()
    for warning in index.warnings:
        note(f"warning: {warning}")
    if chosen is not None:
        details = [one for one in index.entries.values() if one.key == chosen]
    else:
        open_ = [one for one in index.entries.values() if not one.change.archived_on]
        details = sorted(open_, key=lambda one: one.stamp[0] or (0,), reverse=True)[:_MOST]
    timezone = index.budget.project.timezone if index.budget else "UTC"
    page = frozen_page(index, details, chosen, precise_utc_now(), zone(timezone))
    data = page.encode()
    write_named(html, data)
    show(f"Wrote {html} ({len(data) / 1000:,.0f} kB)")
