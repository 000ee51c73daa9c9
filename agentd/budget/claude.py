"""claude holds itself to a budget: what it may still spend, so that it stops if agentd dies."""

from __future__ import annotations

import functools
import os
from decimal import ROUND_DOWN, Decimal
from pathlib import Path

from agentd.clock import utc_now
from agentd.project.workspace import Workspace
from agentd.providers import PROVIDERS
from agentd.runner.installed import look

# --max-budget-usd: not in 2.0.28, in 2.0.45 and later (looked up in each). An older claude would
# refuse to start.
_SINCE = (2, 0, 45)
_STEP_USD = Decimal("0.000001")


def budget_for(
    workspace: Workspace, *, command: str, model: str | None, left_usd: Decimal | None
) -> Decimal | None:
    """The value of --max-budget-usd, None where it is of no use.

    claude counts by its own prices: where the config has another price, its count says nothing.
    """
    if left_usd is None:
        return None
    row = PROVIDERS["claude"]
    source = workspace.prices.knows(
        model or "sonnet", maker=row.maker, at=utc_now(), reports_costs=row.reports_costs
    )
    if source == "config" or not _takes_it(command, workspace.project.root):
        return None
    return max(_STEP_USD, left_usd.quantize(_STEP_USD, ROUND_DOWN))


@functools.cache
def _takes_it(command: str, cwd: Path) -> bool:
    version = look(command, cwd, os.environ).version
    return version is not None and version >= _SINCE
