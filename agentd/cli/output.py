"""What the commands print: results to stdout, notes and errors to stderr."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from agentd.cli.terminal import note
from agentd.errors import AgentdError
from agentd.metering.money import usd
from agentd.metering.totals import summarise
from agentd.text import json_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agentd.cli.progress import Progress
    from agentd.project.change import Change
    from agentd.workflow.step import StepOutcome
    from agentd.workflow.unentered import Leftovers


def print_error(error: AgentdError, *, as_json: bool) -> None:
    """One error: a JSON document on stdout, or what is wrong and what to do on stderr."""
    if as_json:
        print_json({"error": as_error(error)})
        return
    note(f"Error: {error.message}")
    if error.fix:
        note(error.fix)


def told_waiting(*waiting: Leftovers) -> bool:
    """Say on stderr which runs can't be entered; whether one of them is damaged."""
    for each in waiting:
        for sentence in each.notes:
            note(f"note: {sentence}.")
        for problem in each.problems:
            print_error(problem, as_json=False)
    return any(each.problems for each in waiting)


def as_error(error: AgentdError) -> dict[str, str | None]:
    """The error as it stands in a JSON document."""
    return {"code": error.code, "message": error.message, "fix": error.fix}


def print_json(document: dict[str, Any]) -> None:
    """One JSON document; a Decimal becomes a number with exactly its digits."""
    print(json_text(document))


def show_outcome(progress: Progress, outcome: StepOutcome, *, last: bool = True) -> None:
    """A step that succeeded: what it wrote, what it cost, and, if it is the last, what is next."""
    from agentd.cli.calls_text import describe

    if outcome.step.verdicts:
        progress.verdicts[outcome.record.id] = outcome.verdict or "none"
    if progress.quiet and not last:
        return
    if not progress.shows(outcome.record):
        print(f"{outcome.step.name}: {describe(outcome.record)}")
    for path in outcome.written:
        print(f"  {outcome.change.project.shown(path)}")
    if outcome.step.verdicts:
        print(f"  verdict: {outcome.verdict or 'none found; read the document'}")
    if last and outcome.next:
        print(f"  next: agentd {outcome.next} {outcome.change.id}")
    sys.stdout.flush()


@contextlib.contextmanager
def summing_up(progress: Progress, change: Change) -> Iterator[None]:
    """Show at the end, good or bad, what this command's calls and the change have cost."""
    from agentd.cli.calls_text import summary

    try:
        yield
    finally:
        if progress.calls:
            print(f"\n{summary(progress.calls, progress.verdicts)}\n")
        with contextlib.suppress(AgentdError):  # a broken STATE.yaml is told of already
            show_spent(change)
        sys.stdout.flush()


def show_spent(change: Change) -> None:
    """What the change has cost so far; nothing before its first call."""
    totals = summarise(change.state.calls)
    if not totals.calls:
        return
    more = f", {totals.unpriced} of them without a price" if totals.unpriced else ""
    calls = "1 call" if totals.calls == 1 else f"{totals.calls} calls"
    print(
        f"{calls}{more}, in {totals.tokens_in} out {totals.tokens_out}, "
        f"{usd(totals.total_cost_usd)} so far"
    )
