"""What the commands that spend money share: the order, the hold on a change, what they print."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from agentd.cli.calls_text import describe, summary
from agentd.cli.progress import Progress
from agentd.cli.run_options import Asked
from agentd.cli.terminal import show
from agentd.errors import AgentdError, Cancelled, InputError, ProviderError, UsageError
from agentd.metering.partial import whys_of
from agentd.metering.totals import summarise
from agentd.metering.unpriced import UNKNOWN, UNPRICED
from agentd.project.change import Change
from agentd.project.changes import find_open_change, open_changes
from agentd.project.copies import is_taken_up
from agentd.project.hold import at_work
from agentd.project.phases import refuse_unknown
from agentd.project.workspace import Workspace
from agentd.reports.partial import told_bound
from agentd.text import counted
from agentd.workflow.next_command import next_command
from agentd.workflow.order import Order
from agentd.workflow.set_aside import put_away
from agentd.workflow.step import StepOutcome

_MOST_LINES = 10  # of the files changed, and of the issues found


def open_workspace(asked: Asked) -> tuple[Workspace, Order, Progress]:
    """The project around this folder, what the command line asks for, and who shows it."""
    if asked.quiet and asked.verbose:
        raise UsageError("--quiet and --verbose exclude each other", fix="Give one of them.")
    workspace = Workspace.open_to_write(Path.cwd())
    if any(change.is_merging for change in open_changes(workspace.project)):
        from agentd.specs.staging import take_back

        take_back(workspace.project)
    progress = Progress(quiet=asked.quiet, verbose=asked.verbose)
    for warning in workspace.config.warnings:
        progress.note(f"warning: {warning}")
    order = Order(
        provider=asked.provider,
        model=asked.model,
        session_id=asked.session,
        wait=asked.wait,
        override_budget=asked.budget_override,
        no_checks=asked.no_checks,
        note=progress.note,
        warn=progress.warn,
        watching=progress.watching,
    )
    return workspace, order, progress


@contextlib.contextmanager
def at_work_on(workspace: Workspace, change_id: str) -> Iterator[Change]:
    """A change that is worked on, held for as long as the command runs."""
    with _held(find_open_change(workspace, change_id)) as change:
        yield change


@contextlib.contextmanager
def at_work_on_new(
    workspace: Workspace, change_id: str, step: str, order: Order, *, described: bool = True
) -> Iterator[Change]:
    """The same for a change that is made if it is missing."""
    from agentd.workflow.begin import begin

    change = begin(workspace, change_id, step, order, described=described)
    with _held(change):
        yield change


@contextlib.contextmanager
def _held(change: Change) -> Iterator[Change]:
    """A change that is worked on; what interrupts that says how it goes on."""
    try:
        with at_work(change):
            refuse_unknown(change)
            try:
                yield change
            finally:
                put_away(change)
    except KeyboardInterrupt:
        raise Cancelled(
            f"{change.id} was stopped", fix=f"To go on: {next_command(change)}"
        ) from None
    except (Cancelled, ProviderError) as error:
        if "To go on: " not in error.fix:
            error.fix = f"{error.fix}\nTo go on: {next_command(change)}".lstrip("\n")
        raise


def keep_feedback(change: Change, text: str | None) -> None:
    """Keep what a person says of a change for the step that mends next."""
    if text is None:
        return
    if not text.strip():
        raise InputError("the feedback is empty", fix="Say what to change.")
    change.ledger.give_feedback(text.strip())


def show_outcome(progress: Progress, outcome: StepOutcome, *, last: bool = True) -> None:
    """A step that succeeded: what it wrote, what it cost, and, if it is the last, what is next."""
    record = outcome.record
    if outcome.step.verdicts and record is not None:
        progress.verdicts[record.id] = outcome.verdict or "none"
    if progress.quiet and not last:
        return
    if record is None:
        show(f"{outcome.step.name}: not paid for, as a required check fails")
    elif not progress.shows(record):
        show(f"{outcome.step.name}: {describe(record)}")
    if record is not None and (why := progress.whys.get(record.id)):
        show(f"  {why}")
    for path in outcome.written:
        show(f"  {outcome.change.project.shown(path)}")
    _show_some(f"  {name}  {lines.told()}" for name, lines in outcome.changed.items())
    if outcome.step.verdicts:
        show(f"  verdict: {outcome.verdict or 'none found; read the document'}")
        _show_some(f"    - {title}" for title in outcome.issues)
    if last:
        show(f"  next: {next_command(outcome.change)}")
    sys.stdout.flush()


def _show_some(lines: Iterable[str]) -> None:
    first, more = [*islice(lines := iter(lines), _MOST_LINES)], sum(1 for _ in lines)
    for line in first:
        show(line.rstrip())
    if more:
        show(f"{' ' * (len(first[0]) - len(first[0].lstrip()))}and {more:,} more")


def show_outcomes(progress: Progress, change: Change, outcomes: Iterable[StepOutcome]) -> None:
    """Each step of a loop as it ends; last, good or bad, what all their calls have cost."""
    try:
        for outcome in outcomes:
            show_outcome(progress, outcome, last=False)
    finally:
        if progress.calls:
            show(f"\n{summary(progress.calls, progress.verdicts)}\n")
        with contextlib.suppress(AgentdError):  # a broken STATE.yaml is told of already
            show_spent(change)
        sys.stdout.flush()


def show_spent(change: Change) -> None:
    """What the change has cost so far; nothing before its first call."""
    rows = change.state.rows if is_taken_up(change) else ()
    totals = summarise(rows)
    if not totals.calls:
        return
    more = f", {totals.unpriced:,} of them without a price" if totals.unpriced else ""
    tokens_in, tokens_out = totals.tokens_shown
    used = f"in {tokens_in} out {tokens_out}, {totals.cost_shown}"
    if totals.cost_shown == UNPRICED:
        used = f"in {tokens_in} out {tokens_out}"
    elif totals.cost_shown == UNKNOWN:
        used = "what they used is unknown" if totals.calls > 1 else "what it used is unknown"
    show(f"{counted(totals.calls, 'call')}{more}, {used} so far")
    whys = whys_of(rows)
    if least := told_bound(totals, totals.total_cost_usd, whys):
        show(least)
