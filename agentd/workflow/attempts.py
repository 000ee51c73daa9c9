"""A step's calls, one after another: again, or with another provider, when one failed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from agentd.budget.allowing import allowing
from agentd.budget.spending import check_priced
from agentd.budget.warnings import after_call
from agentd.clock import utc_now
from agentd.documents.tasks import progress
from agentd.documents.verdict import documents_of, read
from agentd.errors import Cancelled, ProviderError
from agentd.ledger.call_id import new_call_id
from agentd.ledger.pending import reserve
from agentd.ledger.store import StateStore
from agentd.metering.call import CallRecord
from agentd.project.workspace import Workspace
from agentd.providers import PROVIDERS
from agentd.providers.failure import Failure
from agentd.runner.run import RunRequest
from agentd.runner.run_folder import RunFolder
from agentd.workflow import recording
from agentd.workflow.attempt import attempt, raise_if_forbidden, raise_unless_done, where
from agentd.workflow.model_choice import Choice, choose
from agentd.workflow.order import Order, begun
from agentd.workflow.prompts.prompt import render
from agentd.workflow.retry import GiveUp, Policy, Retry, Switch, next_action, pause
from agentd.workflow.steps import Step


def run(
    workspace: Workspace,
    change: Path,
    step: Step,
    order: Order,
    *,
    prompt: str,
    values: Mapping[str, str],
) -> CallRecord:
    """Run the CLI until the step's work is there; each run is recorded. Returns the good call.

    Raises ProviderError when there is no use in trying on, Cancelled when a person stopped it.
    """
    settings = workspace.config.workflow
    policy = Policy(
        retries=settings.script_retries,
        delay_s=settings.retry_delay_secs,
        fallback=settings.fallback,
        wait=order.wait,
    )
    failed: list[tuple[str, Failure]] = []
    choice = choose_for(workspace, change, step, order)
    session = order.session_id or session_to_continue(change, step, choice.provider)
    while True:
        text = render(workspace, change, step, prompt, values)
        request = _request(workspace, change, step, choice, prompt=text, session=session)
        with (
            allowing(workspace, change, request, override=order.override_budget) as allowance,
            order.watching(begun(workspace, change, step, choice)) as watched,
        ):
            allowed = replace(
                allowance.request,
                prompt_name=prompt,
                watch=watched.watch,
                live_text=watched.live_text,
            )
            result, work, record = attempt(workspace, change, step, allowed, allowance)
            watched.record = record
        after_call(workspace, change, record, order.warn)
        if result.status == "cancelled":
            raise Cancelled(
                f"step {step.name} was stopped; what it used is recorded",
                fix=where(workspace, result),
            )
        if result.status == "budget_stopped":
            raise allowance.stopped()
        # Of a failed run too: the next attempt would take it for what was there before.
        raise_if_forbidden(workspace, change, step, result, work)
        check_priced(workspace, change, record, override=order.override_budget)
        if result.failure is None or result.status == "ok":
            raise_unless_done(workspace, change, step, result, work)
            return record
        failed.append((choice.provider, result.failure))
        action = next_action(failed, policy, now=utc_now())
        match action:
            case GiveUp(advice=advice):
                raise ProviderError(
                    f"{result.provider} failed in step {step.name} ({result.failure.reason}, "
                    f"exit code {result.exit_code}): {result.error or 'it gave no reason'}",
                    fix=f"{advice}\n{where(workspace, result)} What it used is recorded.",
                )
            case Switch(provider=provider):
                other = replace(order, provider=provider, model=None)
                choice = choose_for(workspace, change, step, other)
                session = None
            case Retry(fresh_session=True):
                session = None
            case _:
                pass
        order.note(f"{step.name}: {result.failure.reason}; {_told(action)}")
        pause(action, clock=utc_now, sleep=time.sleep)


def choose_for(workspace: Workspace, change: Path, step: Step, order: Order) -> Choice:
    """The provider and model that run a step of this change. Raises ConfigError."""
    return choose(
        workspace.config,
        step,
        provider=order.provider,
        model=order.model,
        specs=len(documents_of(change, "specs")),
        tasks=progress(read(change / "tasks.md") or "")[1],
        config_name=workspace.shown(workspace.config.path),
    )


def session_to_continue(change: Path, step: Step, provider: str) -> str | None:
    """The session of the step that this one goes on from, if this provider ran it; never "last"."""
    if not step.continues:
        return None
    for call in reversed(StateStore(change).read().calls):
        if call.step in step.continues and call.status == "ok":
            return call.session_id if call.provider == provider else None
    return None


def _request(
    workspace: Workspace,
    change: Path,
    step: Step,
    choice: Choice,
    *,
    prompt: str,
    session: str | None,
) -> RunRequest:
    folder = RunFolder.create(change / "runs", new_call_id(step.name, utc_now()))
    reserve(folder.path)
    settings = workspace.config.providers[choice.provider]
    calls = StateStore(change).read().calls
    return RunRequest(
        call_id=folder.path.name,
        step=step.name,
        provider=PROVIDERS[choice.provider],
        command=settings.command,
        prompt=prompt,
        cwd=workspace.project.root,
        runs_dir=change / "runs",
        model=choice.model,
        extra_args=settings.extra_args,
        resume_session_id=session,
        timeout_s=workspace.config.workflow.step_timeout_secs,
        prior_usage=recording.prior_usage(calls, choice.provider, session),
    )


def _told(action: object) -> str:
    match action:
        case Switch(provider=provider):
            return f"going on with {provider}"
        case Retry(fresh_session=True):
            return "beginning a new session"
        case Retry(after_s=after_s):
            return f"trying again in {after_s:.0f} s"
        case _:
            return "waiting until the rate limit is lifted"
