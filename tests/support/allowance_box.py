"""Calls of one project that share its budget."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from agentd.budget.allowance import Allowance
from agentd.metering.usage import UsageMetrics
from agentd.providers import PROVIDERS
from agentd.runner.run import RunRequest
from support.budget_box import PRICED, configure, spend
from support.changes import change_at
from support.workflow_box import box_with, put_change
from support.workspace import Sandbox


def project(folder: Path, limit: str, *usual: str) -> Sandbox:
    """Changes a and b, and one that has cost ``usual`` for challenges."""
    box = box_with(folder)
    configure(box, f'{PRICED}[budget.project]\nlimit_usd = {limit}\nperiod = "total"\n')
    for change in ("a", "b", "old"):
        put_change(box, change, "proposed")
    spend(box, "old", *usual)
    return box


def allowance(box: Sandbox, change: str, *, override: bool = False) -> Allowance:
    folder = box.change(change)
    request = RunRequest(
        call_id=f"20261125T100000-proposal-{change}",
        step="proposal",
        provider=PROVIDERS["gemini"],
        command="gemini",
        model="gemini-2.5-pro",
        prompt="x",
        cwd=box.root,
        runs_dir=folder / "runs",
    )
    (request.runs_dir / request.call_id).mkdir(parents=True)
    return Allowance(change_at(folder), request, override)


def dollars(amount: str) -> UsageMetrics:
    """A usage that costs so much at $1,000 for a million tokens."""
    return UsageMetrics(output_tokens=int(Decimal(amount) * 1000))
