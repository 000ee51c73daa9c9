"""Where a run is metered: at the wire, by its telemetry, or by what the CLI prints and logs."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.util import find_spec

from agentd.budget.spending import is_limited
from agentd.config.model import Wire
from agentd.errors import BudgetExceeded
from agentd.frozen import frozen
from agentd.providers.pointing import (
    NO_LOGIN,
    NotPointed,
    Pointing,
    PointQuery,
    Telling,
    unusable_proxy,
)
from agentd.providers.provider import Provider
from agentd.runner.run import RunRequest
from agentd.runner.run_folder import RunFolder
from agentd.runner.run_relay import RelayPlan
from agentd.workflow.step_run import StepRun

_NEEDED = "aiohttp"
_RELAY = (sys.executable, "-m", "agentd.budget.gate")


@frozen(kw_only=True)
class MeterChoice:
    """Where the runs of a CLI are metered. ``why`` says in words why there, and not at the wire."""

    pointing: Pointing | None = None
    telling: Telling | None = None
    why: str

    def __str__(self) -> str:
        if self.pointing:
            return f"at the wire ({self.pointing.login})"
        source = "its own telemetry" if self.telling else "what it prints and logs"
        return f"by {source}: {self.why}"


def choose_meter(row: Provider, query: PointQuery, wire: Wire) -> MeterChoice:
    """Where runs of a CLI are metered, by its login and settings and by ``[meter] wire``."""
    if wire == "off":
        return MeterChoice(why='wire is "off" in [meter]')
    if find_spec(_NEEDED) is None:
        return MeterChoice(why=f"the Python package {_NEEDED} is not installed")
    cli = row.cli()
    found = (
        cli.point(query) if cli.point else NotPointed(f"agentd can't point {row.name} at a relay")
    )
    telling = cli.tell(query) if cli.tell else None
    told = telling if isinstance(telling, Telling) else None
    if isinstance(found, NotPointed):
        why = found.why
    elif not found.tried and wire == "auto":
        why = found.login
        if why != NO_LOGIN:
            why += '; with wire = "on" in [meter] it is tried at the wire'
    elif proxy := unusable_proxy(found):
        why = proxy
    else:
        threads = told if told and told.tells_threads else None
        return MeterChoice(pointing=found, telling=threads, why=found.login)
    if isinstance(telling, NotPointed) and telling.why not in why:
        why += f"; {telling.why}"
    return MeterChoice(telling=told, why=why)


def metered(run: StepRun, request: RunRequest) -> RunRequest:
    """The request with how its run is metered; tells where a wanted wire is not used, and why.

    Raises BudgetExceeded, and leaves no run's folder, where ``budget.strict`` then holds nothing.
    """
    change, row = run.change, request.provider
    config = change.workspace.config
    query = PointQuery(
        cwd=change.project.root,
        environ=change.workspace.environ_of(row.name),
        extra_args=request.extra_args,
        model=request.model,
    )
    choice = choose_meter(row, query, config.meter.wire)
    if not choice.pointing:
        limited = is_limited(config.budget, step=request.step, provider=row.name)
        if config.budget.strict and limited and not run.order.override_budget:
            RunFolder(request.runs_dir / request.call_id).remove()
            raise _not_strict(request, choice.why)
        if config.meter.wire == "on":
            run.order.note(f"{run.step.name}: not metered at the wire: {choice.why}")
    plan = None
    if choice.pointing or choice.telling:
        plan = RelayPlan(
            pointing=choice.pointing,
            telling=choice.telling,
            argv=_RELAY,
            given={"provider": row.row_name},
        )
    return replace(request, relay_plan=plan, metered=str(choice))


def _not_strict(request: RunRequest, why: str) -> BudgetExceeded:
    return BudgetExceeded(
        f"step {request.step} is refused by budget.strict: its requests can't be held to a limit "
        f"one by one ({why})",
        fix='Set meter.wire = "on" and use a login that a relay can carry (docs/meter.md), set '
        "budget.strict = false, or go on without limits: --budget-override.",
    )
