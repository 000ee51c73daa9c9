"""The commands below cost: reset starts a budget anew, audit checks the ledgers."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agentd.cli.options import AsJson, ChangeId
from agentd.cli.terminal import note, print_json, show
from agentd.text import counted

if TYPE_CHECKING:
    from agentd.reports.audit.problems import Audit, Finding


def reset(change_id: ChangeId) -> None:
    """Restart the meter of a change.

    Its budget counts from the next call on, and its warnings are given again. The calls stay in
    its history, and so do what the project has spent and the project's warnings.
    """
    from agentd.budget.warnings import PROJECT
    from agentd.project.changes import find_open_change
    from agentd.project.workspace import Workspace
    from agentd.workflow.unentered import enter_unentered

    change = find_open_change(Workspace.open_to_write(Path.cwd()), change_id)
    left = enter_unentered(change)
    for sentence in left.notes:
        note(f"note: {sentence}.")
    if left.problems:
        raise left.problems[0]
    change.ledger.restart_meter(keep=PROJECT)
    show(f"The budget of {change_id} counts from its next call on; its calls stay recorded.")


def audit(
    change_id: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            show_default=False,
            help="Change id (default: all, archived ones too).",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check that what was recorded is right.

    Every call's cost is recomputed from its tokens with the prices of its time. Tokens and cost are
    compared with what the CLI printed, and with each request that was seen at the wire, where the
    run's folder is still there. Totals that don't
    match, calls recorded twice, runs never recorded and impossible values are named, too.

    Exit code 1 when anything is off; notes don't count. Writes nothing.
    """
    from agentd.clock import utc_now
    from agentd.project.workspace import Workspace
    from agentd.reports.audit.audit import audit as look_through

    gc.disable()  # the process ends at once; of 100,000 calls it is a sixth of the time
    workspace = Workspace.open(Path.cwd())
    done = look_through(workspace, change_id, now=utc_now(), environ=os.environ)
    if as_json:
        print_json(_document(change_id, done))
    else:
        show("\n".join(_lines(done)))
    raise typer.Exit(1 if done.differences else 0)


def _lines(done: Audit) -> Iterator[str]:
    """Notes of one kind as one line, then each difference, then the count."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in done.notes:
        problem = finding.problem
        groups.setdefault((problem.check, problem.subject), []).append(finding)
    for group in groups.values():
        more = f" (and {len(group) - 1} more like it; --json shows all)" if len(group) > 1 else ""
        yield f"note: {_line(group[0])}{more}"
    for finding in done.differences:
        yield _line(finding)
        if finding.problem.fix:
            yield f"    {finding.problem.fix}"
    yield _summary(done)


def _line(finding: Finding) -> str:
    problem = finding.problem
    call = finding.call_id or (f"call {finding.number}" if finding.number else "")
    where = " ".join(filter(None, (finding.path.removesuffix("/STATE.yaml"), call)))
    return f"{where}: {problem.check}: {problem.message}"


def _summary(done: Audit) -> str:
    from agentd.metering.money import usd

    too_much, too_little = done.off_usd()
    amounts = [
        f"{usd(amount, None)} recorded too {what}"
        for amount, what in ((too_much, "much"), (too_little, "little"))
        if amount
    ]
    return (
        f"audited {counted(done.calls, 'call', 'no')} of {counted(done.changes, 'change', 'no')}: "
        + counted(len(done.differences), "difference", "no")
        + (f" ({', '.join(amounts)})" if amounts else "")
        + f", {counted(len(done.notes), 'note', 'no')}"
    )


def _document(change_id: str | None, done: Audit) -> dict[str, Any]:
    too_much, too_little = done.off_usd()
    return {
        "change_id": change_id,
        "ok": not done.differences,
        "changes": done.changes,
        "calls": done.calls,
        "recorded_too_much_usd": too_much,
        "recorded_too_little_usd": too_little,
        "findings": [_entry(finding) for finding in done.differences],
        "notes": [_entry(finding) for finding in done.notes],
    }


def _entry(finding: Finding) -> dict[str, Any]:
    problem = finding.problem
    return {
        "check": problem.check,
        "change_id": finding.change_id,
        "path": finding.path,
        "number": finding.number,
        "call_id": finding.call_id,
        "message": problem.message,
        "recorded": problem.recorded,
        "expected": problem.expected,
        "fix": problem.fix,
    }
