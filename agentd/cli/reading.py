"""The commands that read the ledger: status, list."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentd.cli.options import AsJson, LatestChangeId
from agentd.cli.terminal import note, print_json, show, shows
from agentd.errors import StateError

_BAR = 20
# Done, not approved, absent, and the two parts of a bar.
_MARKS = ("✓", "✗", "·", "█", "░")
_START = 'Start one: agentd run add-something "What to change"'
_ASCII_MARKS = ("[x]", "[!]", "[ ]", "#", "-")

if TYPE_CHECKING:
    from agentd.metering.totals import Totals
    from agentd.reports.overview import Overview


def status(
    change_id: LatestChangeId = None,
    every: Annotated[
        bool, typer.Option("--all", help="Each open change, one below the other.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show where a change stands and what it cost.

    Works for archived changes too.
    """
    gc.disable()  # the process ends at once; with 1,000 calls it is a tenth of the time
    from agentd.cli.output import told_waiting
    from agentd.reports.status import newer_words, open_overview
    from agentd.workflow.sessions.look import not_imported_now

    if every:
        _status_of_all(change_id, as_json=as_json)
        return
    view = open_overview(Path.cwd(), change_id)
    for warning in view.warnings:
        note(f"warning: {warning}")
    if newer := newer_words([view]):
        note(f"note: {newer}.")
    project = view.change.project
    if as_json:
        print_json({**_document(view), "not_imported": not_imported_now(project)._asdict()})
    else:
        show(_text(view))
        if told := not_imported_now(project).told():  # behind the rest: it may take a moment
            show(f"\n{told}")
    if told_waiting(view.waiting):
        raise typer.Exit(StateError.exit_code)


def _status_of_all(change_id: str | None, *, as_json: bool) -> None:
    from agentd.cli.output import told_waiting
    from agentd.errors import UsageError
    from agentd.reports.status import list_overviews

    if change_id:
        raise UsageError(f"--all and {change_id} exclude each other", fix="Give one of them.")
    views = list_overviews(Path.cwd(), archived_too=False).views
    for warning in dict.fromkeys(warning for view in views for warning in view.warnings):
        note(f"warning: {warning}")
    if as_json:
        print_json({"changes": [_document(view) for view in views]})
    else:
        told = [
            f"{one.change.id}: {one.problem}\n    {one.cure}" if one.problem else _text(one)
            for one in views
        ]
        show(f"\n\n{'-' * _BAR}\n\n".join(told) or f"No open changes. {_START}")
    if told_waiting(*(view.waiting for view in views)) or any(view.problem for view in views):
        raise typer.Exit(StateError.exit_code)


def list_changes(
    every: Annotated[
        bool, typer.Option("--all", help="Also the archived ones that agentd had no part in.")
    ] = False,
    specs: Annotated[
        bool, typer.Option("--specs", help="The main specs instead, with their requirements.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List the changes with their phase and cost, open ones first."""
    if specs:
        _list_specs(as_json=as_json)
        return
    from agentd.cli.output import told_waiting
    from agentd.reports.status import list_overviews, newer_words, overlap_notes
    from agentd.text import counted, table

    views, hidden = list_overviews(Path.cwd(), every=every or as_json)
    wrong = dict.fromkeys(warning for view in views for warning in view.warnings)
    warnings = [*wrong, *overlap_notes(Path.cwd())]
    for warning in warnings:
        note(f"warning: {warning}")
    if newer := newer_words(views):
        note(f"note: {newer}.")
    if as_json:
        print_json({"changes": [_document(view) for view in views], "warnings": warnings})
    else:
        if not views:
            show(f"No changes yet. {_START}")
        else:
            show(table([_HEADS, *map(_row, views)]))
        if hidden:
            show(f"{counted(hidden, 'change')} archived without agentd: agentd list --all")
        for view in views:
            if view.problem:
                show(f"{view.change.id}: {view.problem}\n    {view.cure}")
    damaged = told_waiting(*(view.waiting for view in views))
    if damaged or any(view.problem for view in views):
        raise typer.Exit(StateError.exit_code)


def _list_specs(*, as_json: bool) -> None:
    from agentd.reports.shown_change import list_specs
    from agentd.text import table

    found = list_specs(Path.cwd())
    if as_json:
        print_json({"specs": [spec._asdict() for spec in found]})
    elif not found:
        show("No specs yet. Archived changes write them; agentd fillback ID writes those of code.")
    else:
        rows = [[one.capability, str(len(one.requirements)), one.path] for one in found]
        show(table([["SPEC", "REQUIREMENTS", "FILE"], *rows], left=(0, 2)))


_HEADS = ["CHANGE", "PHASE", "SPECS", "TASKS", "CALLS", "COST", "UPDATED"]


def _row(view: Overview) -> list[str]:
    """A change in the table of all."""
    specs = sum(artifact.files for artifact in view.artifacts if artifact.name == "specs")
    done, tasks = view.tasks
    totals = view.totals
    updated = str((view.state and view.state.updated_at) or "-")
    counts = (str(specs), f"{done}/{tasks}", f"{totals.calls:,}")
    return [view.change.id, view.phase_shown, *counts, totals.cost_noted, updated]


def _text(view: Overview) -> str:
    from agentd.cli.output import change_line
    from agentd.metering.money import total_cost
    from agentd.reports.partial import told_bound
    from agentd.text import one_line, table

    state, totals = view.state, view.totals
    assert state is not None
    stopped = _budget_stopped(view)
    failed = f"failed: {totals.failed}" + f" ({stopped} budget-stopped)" * bool(stopped)
    lines = [
        change_line(view.change),
        f"Phase: {(view.is_taken_up and state.phase) or view.phase_shown}"
        + (f", iteration {state.iteration}" if state.iteration else "")
        + (f", last action {state.last_action}" if state.last_action else ""),
        total_cost(totals.total_cost_usd),
        f"Tokens: In: {totals.tokens_in}, Out: {totals.tokens_out}",
        f"Calls: {totals.calls:,}, {failed}, unpriced: {totals.unpriced:,}",
    ]
    if state.checks:
        told = f" ({'; '.join(view.checks)})" if view.checks else ""
        lines.append(f"Checks: {state.checks}{told}")
    if view.budget is not None:
        lines.append(f"Budget: {view.budget.told()}")
    if least := told_bound(totals, totals.total_cost_usd, view.whys):
        lines.append(least)
    if totals.unpriced:
        lines.append("Unpriced calls are not in the total: add their model to [pricing.models].")
    lines += ["", *_progress(view)]
    for title, groups in (("STEP", view.by_step), ("MODEL", view.by_model)):
        if groups:
            rows = [[title, "CALLS", "FAILED", "IN", "OUT", "COST"]]
            rows += [[name, *_cells(group)] for name, group in groups.items()]
            lines += ["", table(rows)]
    if view.worker is not None:
        told = view.worker.told() if view.worker.pid else "process unknown"
        lines += ["", f"At work on it now: agentd, {told}"]
    if view.waits_for:
        lines += ["", f"Waits for a person: {view.waits_for}"]
    if state.feedback:
        lines += ["", f"Feedback for the next reproposal or resolve: {one_line(state.feedback)}"]
    if view.next:
        lines += ["", f"Next: {view.next}"]
    return "\n".join(lines)


def _budget_stopped(view: Overview) -> int:
    """How many of the calls that failed a budget ended."""
    return sum(row.status == "budget_stopped" for row in view.rows)


def _progress(view: Overview) -> list[str]:
    """A mark for each document, and a bar for the tasks."""
    done, open_, absent, full, empty = (
        _MARKS if shows(sys.stdout, "".join(_MARKS)) else _ASCII_MARKS
    )
    lines = []
    for artifact in view.artifacts:
        mark = done if artifact.done else open_ if artifact.files else absent
        told = artifact.verdict or "no verdict" if artifact.judges and artifact.files else ""
        if artifact.name == "specs" and artifact.files:
            told = str(artifact.files)
        elif artifact.name == "tasks" and view.tasks[1]:
            ready, every = view.tasks
            filled = ready * _BAR // every
            told = f"{full * filled}{empty * (_BAR - filled)} {ready}/{every}"
        if artifact.revised and not artifact.done:
            told += ", mended since"
        lines.append(f"  {mark} {artifact.name:<14}  {told}".rstrip())
    return lines


def _cells(totals: Totals) -> list[str]:
    from agentd.metering.partial import bound
    from agentd.metering.unpriced import UNKNOWN

    cost = totals.cost_shown
    if cost != UNKNOWN:
        cost += " +unpriced" * bool(totals.unpriced and totals.total_cost_usd)
        cost = f"{cost} {bound(totals.partial, totals.estimated)}".rstrip()
    return [f"{totals.calls:,}", f"{totals.failed:,}", *totals.tokens_shown, cost]


def _document(view: Overview) -> dict[str, Any]:
    from dataclasses import asdict

    from agentd.reports.partial import kinds_of

    state = view.state
    head = {
        key: getattr(state, key, None)
        for key in ("phase", "iteration", "last_action", "checks", "created_at", "updated_at")
    }
    return {
        "change_id": view.change.id,
        "path": str(view.change.folder),
        "archived_on": view.change.archived_on,
        "taken_up": view.is_taken_up,
        **head,
        "check_results": view.checks,
        "total_cost_usd": view.totals.total_cost_usd,
        "total_tokens_in": view.totals.tokens_in,
        "total_tokens_out": view.totals.tokens_out,
        "calls": view.totals.calls,
        "failed": view.totals.failed,
        "budget_stopped": _budget_stopped(view),
        "unpriced": view.totals.unpriced,
        "partial": view.totals.partial,
        "estimated": view.totals.estimated,
        "partial_because": dict(kinds_of(view.whys)),
        "budget": view.budget
        and {
            "limit_usd": view.budget.limit_usd,
            "limit_tokens": view.budget.limit_tokens,
            "spent_usd": view.budget.spent.usd,
            "spent_tokens": view.budget.spent.tokens,
            "left_usd": view.budget.left_usd(),
            "left_tokens": view.budget.left_tokens(),
            "percentage_used": view.budget.share_usd(),
            "percentage_used_tokens": view.budget.share_tokens(),
        },
        "by_step": {name: asdict(group) for name, group in view.by_step.items()},
        "by_model": {name: asdict(group) for name, group in view.by_model.items()},
        "artifacts": [{**artifact._asdict(), "done": artifact.done} for artifact in view.artifacts],
        "tasks": {"done": view.tasks[0], "total": view.tasks[1]},
        "at_work": view.worker and view.worker.pid,
        "orphans": list(view.waiting.orphans),
        "gate": view.gate,
        "waits_for": view.waits_for,
        "approvals": (state and state.approved) or [],
        "feedback": (state and state.feedback) or None,
        "next": view.next,
        **({"problem": view.problem} if view.problem else {}),
    }
