"""A run whose agentd was killed while its CLI works on: followed as if this agentd had begun it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from agentd.budget.allowance import Allowance
from agentd.clock import utc_now
from agentd.errors import AgentdError, Cancelled, ProviderError
from agentd.metering.call import CallRecord
from agentd.project.change import Change
from agentd.runner.result import RunResult
from agentd.runner.run import RunRequest, ScriptRunner
from agentd.runner.run_folder import RunInfo
from agentd.text import some_of
from agentd.workflow import recording
from agentd.workflow.model_choice import Choice
from agentd.workflow.order import Order, TimedOut, Watched
from agentd.workflow.retry import advice, next_try
from agentd.workflow.step_run import StepRun
from agentd.workflow.steps import STEPS

_NAMED = 10


class TakenUp(NamedTuple):
    """The call of a run that was taken up; ``followed``: its CLI still worked.

    ``stopped`` is the error that ends the command when the CLI had to be stopped.
    """

    record: CallRecord
    followed: bool = False
    stopped: AgentdError | None = None


def follow_to_its_end(
    change: Change, request: RunRequest, order: Order, processes: Sequence[int]
) -> TakenUp:
    """Follow a run that still works, by the limits of today, and keep its call.

    Its time limit counts from its own begin. What stops it, as Ctrl-C and a budget do, ends the
    command too; after its time limit another provider may go on (``Order.timed_out``).
    """
    provider, step = request.provider.name, STEPS.get(request.step)
    request = replace(request, timeout_s=change.workspace.config.workflow.step_timeout_secs)
    allowance = Allowance(change, request, order.override_budget)
    allowance.take_up()
    pids = ", ".join(map(str, processes))
    order.note(
        f"{request.step}: taken up: {provider} still works (process {pids}), although its agentd "
        "is gone; it is followed to its end first"
    )
    choice = Choice(provider=provider, model=request.model)
    with (
        order.watching(StepRun(change=change, step=step, order=order).begun(choice))
        if step is not None
        else contextlib.nullcontext(Watched())
    ) as watched:
        request = replace(
            request,
            watch=watched.watch,
            live_text=watched.live_text,
            meter=allowance.meter if allowance.limited else None,
        )
        result = allowance.judge(ScriptRunner().take_up(request))
        record = recording.keep(change, result, overridden=allowance.overridden)
        watched.record = record
    return TakenUp(record, followed=True, stopped=_stopped(change, result, allowance, order))


def work_not_done(change: Change, info: RunInfo, forbidden: Sequence[str]) -> ProviderError:
    """The error that ends the command where a run that was followed did not do its work.

    ``forbidden`` are paths that it may not touch; what became of them is told before.
    """
    if forbidden:
        what = f"changed what step {info.step} may not touch: {some_of(forbidden, _NAMED)}"
    else:
        what = f"ended step {info.step} without writing all that it owes"
    where = change.project.shown(change.runs_dir / info.call_id)
    return ProviderError(
        f"{info.provider} {what}",
        fix=f"Its output: {where}/ (stdout, stderr). The call is recorded. Then run the command "
        "again.",
    )


def _stopped(
    change: Change, result: RunResult, allowance: Allowance, order: Order
) -> AgentdError | None:
    where = f"Its output: {change.project.shown(result.run_dir)}/ (stdout, stderr)."
    match result.status:
        case "cancelled":
            return Cancelled(
                f"step {result.step} was stopped; what it used is recorded",
                fix=where,
            )
        case "budget_stopped":
            return allowance.stopped()
        case "timeout" if result.failure is not None:
            failed = [(result.provider, result.failure)]
            error = ProviderError(
                f"{result.provider} failed in step {result.step} ({result.failure.reason}): "
                f"{result.error}",
                fix=f"{advice(failed)}\n{where} What it used is recorded.",
            )
            settings = change.workspace.config.workflow
            if next_try(failed, settings, wait=order.wait, now=utc_now()) is None:
                return error
            order.timed_out[result.step] = TimedOut(*failed[0], error)
            return None
        case _:
            return None
