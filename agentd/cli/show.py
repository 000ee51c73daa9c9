"""The command that shows what a change says: show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentd.cli import terminal
from agentd.cli.options import AsJson, LatestChangeId

if TYPE_CHECKING:
    from agentd.reports.shown_change import ShownChange

_SIGNS = {"ADDED": "+", "MODIFIED": "~", "REMOVED": "-", "RENAMED": ">"}


def show(
    change_id: LatestChangeId = None,
    diff: Annotated[
        bool,
        typer.Option("--diff", help="Show what it would make of the main specs, as a diff."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a change: its proposal, tasks, deltas and verdicts.

    Reads its documents alone; `agentd status` tells its phase and cost.
    """
    from agentd.reports.shown_change import open_shown

    shown = open_shown(Path.cwd(), change_id, with_diffs=diff)
    if as_json:
        terminal.print_json(_document(shown))
    elif shown.diffs is not None:
        told = "\n".join(one.diff for one in shown.diffs)
        terminal.show(told or f"change {shown.change.id} makes no difference to the main specs")
    else:
        terminal.show("\n".join(_lines(shown)))


def _lines(shown: ShownChange) -> Iterator[str]:
    from agentd.cli.output import change_line

    yield change_line(shown.change)
    yield ""
    yield (shown.proposal or "no proposal.md").strip()
    if shown.tasks:
        done = sum(task.done for task in shown.tasks)
        yield f"\nTasks: {done}/{len(shown.tasks)}"
        for task in shown.tasks:
            number = f"{task.number} " if task.number else ""
            yield f"  [{'x' if task.done else ' '}] {number}{task.text}"
    if shown.deltas or shown.problem:
        yield "\nSpecs:"
    for delta in shown.deltas:
        former = f" (was: {delta.former})" if delta.former else ""
        sign = _SIGNS[delta.operation]
        yield f"  {sign} {delta.capability}: {delta.operation} {delta.requirement}{former}"
    if shown.problem:
        yield f"  {shown.problem}"
    if shown.verdicts:
        yield "\nVerdicts:"
    for verdict in shown.verdicts:
        yield f"  {verdict.document}: {verdict.verdict or 'no verdict'}"
        yield from (f"    - {title}" for title in verdict.issues)


def _document(shown: ShownChange) -> dict[str, Any]:
    change = shown.change
    return {
        "change_id": change.id,
        "path": str(change.folder),
        "archived_on": change.archived_on,
        "proposal": shown.proposal,
        "tasks": [
            {"number": task.number, "text": task.text, "done": task.done} for task in shown.tasks
        ],
        "deltas": [delta._asdict() for delta in shown.deltas],
        "verdicts": [verdict._asdict() for verdict in shown.verdicts],
        "diffs": shown.diffs and [one._asdict() for one in shown.diffs],
        **({"problem": shown.problem} if shown.problem else {}),
    }
