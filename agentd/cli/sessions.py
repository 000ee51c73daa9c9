"""The commands that bring into the ledger what the CLIs' own logs know: import, reconcile."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentd.cli.options import AsJson
from agentd.cli.terminal import print_json, show
from agentd.errors import AgentdError, StateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agentd.metering.call import CallRecord
    from agentd.workflow.sessions.importing import Placed

_DAY = "YYYY-MM-DD"
_ID_SHOWN = 8
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be written.")]


def import_sessions(
    into: Annotated[
        str | None,
        typer.Option("--into", metavar="ID", help="Record what is listed in this change."),
    ] = None,
    by_branch: Annotated[
        bool,
        typer.Option(
            "--by-branch",
            help="Record each in the change that its git branch names, such as feature/add-oauth.",
        ),
    ] = False,
    session: Annotated[
        list[str] | None,
        typer.Option(
            "--session", metavar="SESSION", help="Only this session, or how its id begins."
        ),
    ] = None,
    branch: Annotated[
        list[str] | None, typer.Option("--branch", metavar="NAME", help="Only of this git branch.")
    ] = None,
    since: Annotated[
        str, typer.Option("--since", metavar=_DAY, help="Only of this day (UTC) and later.")
    ] = "",
    until: Annotated[
        str, typer.Option("--until", metavar=_DAY, help="Only of this day (UTC) and before.")
    ] = "",
    lines: Annotated[
        Path | None,
        typer.Option(
            "--jsonl",
            metavar="FILE",
            help="Instead of sessions, record the calls that `agentd export --format jsonl` wrote.",
        ),
    ] = None,
    dry_run: _DryRun = False,
    as_json: AsJson = False,
) -> None:
    """List what was done in the CLIs by hand, or record it.

    Reads the CLIs' own logs: sessions that no ledger has yet, in this project, its subfolders and
    worktrees; no runs of agentd. With --into or --by-branch they are recorded as calls of the step
    "manual", once; one that has grown since is corrected.
    --jsonl FILE records the calls of a file in the changes that its lines name, or with --into.
    """
    if lines is not None:
        if by_branch or session or branch or since or until:
            raise UsageError(
                "--jsonl takes no option but --into, --dry-run and --json",
                fix="See: agentd import --help",
            )
        _import_lines(lines, into, dry_run=dry_run, as_json=as_json)
        return
    from agentd.cli.output import print_error
    from agentd.metering.totals import summarise
    from agentd.text import counted
    from agentd.workflow.sessions.importing import Wanted, find_imports, record

    gc.disable()  # the process ends soon, and what it reads is many small values
    if into and by_branch:
        raise UsageError("--into and --by-branch exclude each other")
    if dry_run and not (into or by_branch):
        raise UsageError("--dry-run goes with --into or --by-branch; else nothing is written")
    wanted = Wanted(sessions=session or (), branches=branch or (), days=(_day(since), _day(until)))
    found = find_imports(Path.cwd(), wanted, into=into)
    writes = bool(into or by_branch) and not dry_run
    problems: list[AgentdError] = []
    written = record(found.placed, problems) if writes else []
    if as_json:
        totals = summarise(one.found.call for one in found.placed)
        print_json(
            {
                "calls": [_entry(one) for one in found.placed],
                "written": [call.id for call in written],
                "imported_before": found.imported,
                "total_cost_usd": totals.total_cost_usd,
                "total_tokens_in": totals.tokens_in,
                "total_tokens_out": totals.tokens_out,
                "unpriced": totals.unpriced,
            }
        )
    elif not found.placed:
        are = f"{counted(found.imported, 'call')} {'is' if found.imported == 1 else 'are'}"
        show("Nothing to import." + f" {are} imported." * bool(found.imported))
    else:
        show(_table(found.placed))
        show("")
        show(_told(found.placed, written if writes else None))
    for problem in problems:
        print_error(problem, as_json=False)
    if problems:
        raise typer.Exit(problems[0].exit_code)


def _import_lines(path: Path, into: str | None, *, dry_run: bool, as_json: bool) -> None:
    from agentd.text import counted
    from agentd.workflow.imported_lines import import_lines

    done = import_lines(Path.cwd(), path, into=into, dry_run=dry_run)
    if as_json:
        changes = [
            {"change_id": change.id, "recorded": [call.id for call in calls]}
            for change, calls in done.written
        ]
        print_json({"changes": changes, "there_before": done.there_before, "dry_run": dry_run})
        return
    would = "would be recorded" if dry_run else "recorded"
    for change, calls in done.written:
        if calls:
            show(f"{change.id}: {counted(len(calls), 'call')} {would}.")
    if done.there_before:
        are = "is" if done.there_before == 1 else "are"
        show(f"{counted(done.there_before, 'call')} {are} there already.")
    elif not done.written:
        show("Nothing to import.")


def reconcile(
    change_id: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", show_default=False, help="Change id (default: all)."),
    ] = None,
    dry_run: _DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Correct calls that are not exact by what their logs say now.

    Also imported sessions that have grown. A call that is corrected says so: `amended`. What
    is exact, and what the logs have less of, stays as it is.
    """
    from agentd.cli.output import print_error, told_waiting
    from agentd.text import counted
    from agentd.workflow.sessions.reconcile import reconcile as read_again

    gc.disable()
    done = read_again(Path.cwd(), change_id, dry_run=dry_run)
    if as_json:
        print_json(
            {
                "looked_at": done.looked_at,
                "corrected": [
                    {
                        "change_id": one.change.id,
                        "id": one.before.id,
                        "before": _figures(one.before),
                        "now": _figures(one.now),
                    }
                    for one in done.corrected
                ],
                "written": not dry_run,
            }
        )
    else:
        for one in done.corrected:
            show(f"{one.change.id}: {one.before.id}: {_change(one.before, one.now)}")
        would = "would be corrected" if dry_run else "corrected"
        show(f"{len(done.corrected)} {would}, of {counted(done.looked_at, 'call')} read again.")
    damaged = told_waiting(*done.waiting)
    for problem in done.problems:
        print_error(problem, as_json=False)
    if damaged or done.problems:
        raise typer.Exit(StateError.exit_code)


def _day(text: str) -> str:
    from datetime import date

    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError as error:
        raise UsageError(f"{text} is no day; expected {_DAY}") from error


def _table(placed: Sequence[Placed]) -> str:
    from agentd.metering.totals import summarise
    from agentd.reports.call_json import bound_of
    from agentd.text import table

    rows = [
        ["DAY", "BRANCH", "PROVIDER", "MODEL", "SESSION", "REQUESTS", "IN", "OUT", "COST", "CHANGE"]
    ]
    for one in placed:
        call = one.found.call
        totals = summarise([call])
        where = one.change.id if one.change else "-"
        rows.append(
            [
                f"{one.found.first_at:%Y-%m-%d}",
                one.found.branch or "-",
                call.provider or "-",
                call.model,
                str(call.session_id)[:_ID_SHOWN],
                "-" if call.requests is None else f"{call.requests:,}",
                *totals.tokens_shown,
                f"{bound_of(call)} {totals.cost_noted}".lstrip(),
                f"{where} (grown)" if one.is_correction else where,
            ]
        )
    return table(rows, left=(0, 1, 2, 3, 4, 9))


def _told(placed: Sequence[Placed], written: Sequence[CallRecord] | None) -> str:
    """What was done, or can be done where nothing was to be, in a sentence or two."""
    from agentd.metering.money import usd
    from agentd.metering.totals import summarise
    from agentd.text import counted
    from agentd.workflow.sessions.not_imported import not_imported

    if written is None:
        missing = not_imported(one.found for one in placed)  # of what has grown the rest alone
        count, cost_usd, unpriced = missing.sessions, missing.cost_usd, missing.unpriced
    else:
        totals = summarise(written)
        count = len({(call.provider, call.session_id) for call in written})
        cost_usd, unpriced = totals.total_cost_usd, totals.unpriced
    sessions, cost = counted(count, "session"), usd(cost_usd)
    if unpriced:
        without = f"{counted(unpriced, 'call')} without a price"
        cost = f"{cost}, and {without}" if cost_usd else without
    if written is None:
        record = "Record them: agentd import --into ID, or --by-branch."
        return f"{sessions}, {cost}, not imported.\n{record}"
    lines = [f"{counted(len(written), 'call')} of {sessions} recorded, {cost}."]
    if left := sum(one.change is None for one in placed):
        lines.append(f"{counted(left, 'call')} left: no branch names a change.")
    return "\n".join(lines)


def _entry(one: Placed) -> dict[str, Any]:
    from agentd.clock import iso
    from agentd.reports.call_json import call_fields

    found = one.found
    return {
        **call_fields(found.call),
        "day": f"{found.first_at:%Y-%m-%d}",
        "branch": found.branch,
        "cwd": found.cwd,
        "last_at": iso(found.last_at),
        "change_id": one.change.id if one.change else None,
        "is_correction": one.is_correction,
    }


def _figures(call: CallRecord) -> dict[str, Any]:
    """What a correction may change."""
    from agentd.reports.call_json import call_fields

    return {
        key: value
        for key, value in call_fields(call).items()
        if key.startswith(("tokens", "cost", "accuracy", "why", "usage", "requests", "model"))
    }


def _change(before: CallRecord, now: CallRecord) -> str:
    from agentd.metering.money import usd

    pairs = (
        ("in", f"{before.tokens_in:,}", f"{now.tokens_in:,}"),
        ("out", f"{before.tokens_out:,}", f"{now.tokens_out:,}"),
        ("cost", usd(before.cost_usd), usd(now.cost_usd)),
        ("accuracy", before.accuracy, now.accuracy),
    )
    return ", ".join(f"{name} {then} → {by_now}" for name, then, by_now in pairs if then != by_now)
