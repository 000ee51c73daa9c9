"""What the commands print: results to stdout, notes and errors to stderr."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from agentd.errors import AgentdError
from agentd.exact_json import json_text
from agentd.metering.money import usd
from agentd.metering.totals import summarise
from agentd.plain_text import plain, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from agentd.cli.progress import Progress
    from agentd.metering.call import CallRecord
    from agentd.workflow.engine import StepOutcome
    from agentd.workflow.workspace import Workspace


def note(text: str) -> None:
    """Progress, a warning or an error, for a person; of control characters only line ends stay."""
    write_stderr(f"{plain(text)}\n")


def write_stderr(text: str) -> None:
    """Write as it is; that nobody can read stderr any more must not end a run."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):  # ValueError: it was closed
            sys.stderr.write(text)
            sys.stderr.flush()


def on_terminal(stream: TextIO | None) -> bool:
    """Whether a line can be rewritten in place there."""
    return stream is not None and stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def print_error(error: AgentdError, *, as_json: bool) -> None:
    """One error: a JSON document on stdout, or what is wrong and what to do on stderr."""
    if as_json:
        print_json({"error": as_error(error)})
        return
    note(f"Error: {error.message}")
    if error.fix:
        note(error.fix)


def as_error(error: AgentdError) -> dict[str, str | None]:
    """The error as it stands in a JSON document."""
    return {"code": error.code, "message": error.message, "fix": error.fix}


def print_json(document: dict[str, Any]) -> None:
    """One JSON document; a Decimal becomes a number with exactly its digits."""
    print(json_text(document))


def show_outcome(
    workspace: Workspace, progress: Progress, outcome: StepOutcome, *, last: bool = True
) -> None:
    """A step that succeeded: what it wrote, what it cost, and, if it is the last, what is next."""
    if outcome.step.verdicts:
        progress.verdicts[outcome.record.id] = outcome.verdict or "none"
    if progress.quiet and not last:
        return
    if not progress.shows(outcome.record):
        print(f"{outcome.step.name}: {describe(outcome.record)}")
    for path in outcome.written:
        print(f"  {workspace.shown(path)}")
    if outcome.step.verdicts:
        print(f"  verdict: {outcome.verdict or 'none found; read the document'}")
    if last and outcome.next:
        print(f"  next: agentd {outcome.next} {outcome.change_id}")
    sys.stdout.flush()


@contextlib.contextmanager
def summing_up(progress: Progress, *places: Path) -> Iterator[None]:
    """Show at the end, good or bad, what this command's calls and the change have cost.

    ``places`` are where the change may lie by then, the last one first.
    """
    try:
        yield
    finally:
        if progress.calls:
            print(f"\n{summary(progress.calls, progress.verdicts)}\n")
        for place in reversed(places):
            if (place / "STATE.yaml").exists():
                with contextlib.suppress(AgentdError):  # a broken STATE.yaml is told of already
                    show_spent(place)
                break
        sys.stdout.flush()


def summary(calls: Sequence[CallRecord], verdicts: Mapping[str, str]) -> str:
    """A table of calls, with their total."""
    rows = [["STEP", "PROVIDER", "MODEL", "IN", "OUT", "COST", "TIME", "VERDICT"]]
    for call in calls:
        ended = verdicts.get(call.id, "") if call.status == "ok" else call.status
        rows.append([call.step, call.provider or "", call.model, *_figures([call]), ended])
    rows.append(["total", "", "", *_figures(calls), ""])
    return table(rows, left=(0, 1, 2, 7))


def _figures(calls: Sequence[CallRecord]) -> list[str]:
    totals = summarise(calls)
    cost = usd(totals.total_cost_usd) + ("+" if totals.unpriced else "")
    seconds = sum(call.duration_ms for call in calls) / 1000
    return [str(totals.tokens_in), str(totals.tokens_out), cost, f"{seconds:.1f} s"]


def show_spent(change: Path) -> None:
    """What the change has cost so far; nothing before its first call."""
    from agentd.state.store import StateStore

    totals = summarise(StateStore(change).read().calls)
    if not totals.calls:
        return
    more = f", {totals.unpriced} of them without a price" if totals.unpriced else ""
    calls = "1 call" if totals.calls == 1 else f"{totals.calls} calls"
    print(
        f"{calls}{more}, in {totals.tokens_in} out {totals.tokens_out}, "
        f"{usd(totals.total_cost_usd)} so far"
    )


def describe(call: CallRecord) -> str:
    """One call in one line: who, tokens, cost, time."""
    usage = call.usage
    cached = f" ({usage.cache_read_input_tokens} cached)" if usage.cache_read_input_tokens else ""
    status = "" if call.status == "ok" else f"{call.status}, "
    cost = usd(call.cost_usd) + (" and unpriced tokens" if summarise([call]).unpriced else "")
    about = "about " if call.accuracy == "heuristic" else ""
    return (
        f"{status}{call.provider} {call.model}, {about}in {usage.input_tokens}{cached} "
        f"out {usage.output_tokens}, {cost}, {call.duration_ms / 1000:.1f} s"
    )
