"""A call with its allowance, from before it begins until it is recorded."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from pathlib import Path

from agentd.budget.allowance import Allowance
from agentd.budget.spending import stops_unpriced
from agentd.clock import utc_now
from agentd.project.change import Change
from agentd.providers.provider import Version
from agentd.runner.run import RunRequest
from agentd.runner.run_folder import RunFolder
from agentd.runner.run_relay import RelayPlan

_STEP_USD = Decimal("0.000001")


@contextlib.contextmanager
def allowing(change: Change, request: RunRequest, *, override: bool) -> Iterator[Allowance]:
    """The allowance of a call, held while it runs, with the request as its budgets allow it.

    ``override``: a person lets it go beyond them. Raises BudgetExceeded, and leaves no run's
    folder, when it may not begin.
    """
    allowance = Allowance(change, request, override)
    try:
        try:
            allowance.admit()
        except BaseException:
            RunFolder(request.runs_dir / request.call_id).remove()
            raise
        plan = request.relay_plan
        if allowance.limited and plan is not None and plan.pointing is not None:
            gated = _gated(allowance, plan)
            allowance.request = replace(request, meter=allowance.meter, relay_plan=gated)
        elif allowance.limited:
            budget_usd = None if override else _own_budget(change, request, allowance.left_usd())
            allowance.request = replace(request, meter=allowance.meter, budget_usd=budget_usd)
        yield allowance
    finally:
        allowance.release()


def _gated(allowance: Allowance, plan: RelayPlan) -> RelayPlan:
    """The relay, asked to hold each request to the budgets."""
    from agentd.budget.gate_order import GateOrder

    change, request, row = allowance.change, allowance.request, allowance.request.provider
    budget, at = change.workspace.config.budget, utc_now()
    prices = change.workspace.prices_of(row.name)
    order = GateOrder(
        project=change.project,
        call_id=request.call_id,
        run_dir=(request.runs_dir / request.call_id).absolute(),
        step=request.step,
        maker=row.maker,
        own=allowance.own,
        shared=budget.project if budget.project.is_set else None,
        reserved=allowance.reserved,
        prices=prices.handed_over(allowance.model, maker=row.maker, at=at),
        reports_costs=row.reports_costs,
        at=at,
        strict=budget.strict,
        unpriced_stops=stops_unpriced(budget),
        override=allowance.override,
        without_server_tools=row.cli().without_server_tools,
    )
    return replace(plan, given={**plan.given, "gate": order.packed()})


def _own_budget(change: Change, request: RunRequest, left_usd: Decimal | None) -> Decimal | None:
    """What the CLI holds itself to, should agentd die; None where it can't, or it is of no use.

    A CLI counts by its own prices: where the config has another price, its count says nothing.
    """
    row, flag = request.provider, request.provider.budget_flag
    if left_usd is None or flag is None:
        return None
    source = change.workspace.prices_of(row.name).knows(
        request.model or row.default_model or "unknown",
        maker=row.maker,
        at=utc_now(),
        reports_costs=row.reports_costs,
    )
    environ = os.environ if request.environ is None else request.environ
    version = (
        _version(request.command, change.project.root, frozenset(environ.items()))
        if source != "config"
        else None
    )
    if version is None or version < flag.since:
        return None
    return max(_STEP_USD, left_usd.quantize(_STEP_USD, ROUND_DOWN))


@functools.cache
def _version(command: str, cwd: Path, environ: frozenset[tuple[str, str]]) -> Version | None:
    from agentd.runner.installed import find_cli

    return find_cli(command, cwd, dict(environ)).version
