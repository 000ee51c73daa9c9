"""What the commands print: results to stdout, notes and errors to stderr."""

from __future__ import annotations

import json
import re
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from agentd.errors import AgentdError
from agentd.metering.money import usd

if TYPE_CHECKING:
    from agentd.metering.call import CallRecord
    from agentd.workflow.engine import StepOutcome
    from agentd.workflow.workspace import Workspace


def note(text: str) -> None:
    """Progress or a warning, for a person."""
    print(text, file=sys.stderr, flush=True)


def print_error(error: AgentdError, *, as_json: bool) -> None:
    """One error: a JSON document on stdout, or what is wrong and what to do on stderr."""
    if as_json:
        body = {"code": error.code, "message": error.message, "fix": error.fix}
        print_json({"error": body})
        return
    note(f"Error: {error.message}")
    if error.fix:
        note(error.fix)


def print_json(document: dict[str, Any]) -> None:
    """One JSON document; a Decimal becomes a number with exactly its digits."""
    text = json.dumps(document, indent=2, ensure_ascii=False, default=_marked)
    print(re.sub(r'"\x1a([0-9.]+)\x1a"', r"\1", text.replace("\\u001a", "\x1a")))


def _marked(value: object) -> str:
    return f"\x1a{value:f}\x1a" if isinstance(value, Decimal) else str(value)


def table(rows: list[list[str]]) -> str:
    """Columns, the first to the left and the rest to the right, two spaces between."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def show_outcome(workspace: Workspace, outcome: StepOutcome, *, last: bool = True) -> None:
    """A step that succeeded: what it wrote, what it cost, and, if it is the last, what is next."""
    for call in outcome.settled:
        note(f"entered an earlier call: {describe(call)}")
    print(f"{outcome.step.name}: {describe(outcome.record)}")
    for path in outcome.written:
        print(f"  {workspace.shown(path)}")
    if outcome.step.verdicts:
        print(f"  verdict: {outcome.verdict or 'none found; read the document'}")
    if last and outcome.next:
        print(f"  next: agentd {outcome.next} {outcome.change_id}")


def describe(call: CallRecord) -> str:
    """One call in one line: who, tokens, cost, time."""
    from agentd.metering.totals import summarise

    usage = call.usage
    cached = f" ({usage.cache_read_input_tokens} cached)" if usage.cache_read_input_tokens else ""
    status = "" if call.status == "ok" else f"{call.status}, "
    cost = usd(call.cost_usd) + (" and unpriced tokens" if summarise([call]).unpriced else "")
    about = "about " if call.accuracy == "heuristic" else ""
    return (
        f"{status}{call.provider} {call.model}, {about}in {usage.input_tokens}{cached} "
        f"out {usage.output_tokens}, {cost}, {call.duration_ms / 1000:.1f} s"
    )
