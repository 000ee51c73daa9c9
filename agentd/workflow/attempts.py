"""A step's calls, one after another: again, or with another provider, when one failed."""

from __future__ import annotations

import time
from dataclasses import replace

from agentd.budget.allowing import allowing
from agentd.budget.spending import check_priced
from agentd.budget.warnings import after_call
from agentd.clock import utc_now
from agentd.documents.tasks import tasks_of
from agentd.errors import Cancelled, ProviderError
from agentd.ledger.call_id import new_call_id
from agentd.ledger.pending import reserve
from agentd.metering.call import CallRecord
from agentd.providers import PROVIDERS
from agentd.providers.failure import Failure
from agentd.runner.run import RunRequest
from agentd.runner.run_folder import RunFolder
from agentd.workflow.attempt import attempt
from agentd.workflow.earlier_runs import prior_usage
from agentd.workflow.model_choice import Choice, choose
from agentd.workflow.prompts.prompt import render
from agentd.workflow.retry import GiveUp, Policy, Retry, Switch, next_action, pause
from agentd.workflow.step_run import StepRun
from agentd.workflow.wiring import relaying


def run_until_done(run: StepRun) -> CallRecord:
    """Run the CLI until the step's work is there; each run is recorded. Returns the good call.

    Raises ProviderError when there is no use in trying on, Cancelled when a person stopped it.
    """
    change, order = run.change, run.order
    settings = change.workspace.config.workflow
    policy = Policy(
        retries=settings.script_retries,
        delay_s=settings.retry_delay_secs,
        fallback=settings.fallback,
        wait=order.wait,
    )
    failed: list[tuple[str, Failure]] = []
    choice = choose_for(run)
    session = order.session_id or session_to_continue(run, choice.provider)
    while True:
        request = _request(run, choice, session)
        request = replace(request, relaying=relaying(run, request))
        with (
            allowing(change, request, override=order.override_budget) as allowance,
            order.watching(run.begun(choice)) as watched,
        ):
            allowed = replace(allowance.request, watch=watched.watch, live_text=watched.live_text)
            done = attempt(run, allowed, allowance)
            watched.record = done.record
        after_call(change, done.record, order.warn)
        result, forbidden = done.result, done.told_forbidden()
        if result.status == "cancelled":
            raise Cancelled(
                f"step {run.step.name} was stopped; what it used is recorded"
                + (f". {forbidden}" if forbidden else ""),
                fix=f"{done.how_to_undo()}. {done.where()}" if forbidden else done.where(),
            )
        if result.status == "budget_stopped":
            raise allowance.stopped(forbidden, f"{done.how_to_undo()}." if forbidden else "")
        # Of a failed run too: the next attempt would take it for what was there before.
        done.check_forbidden()
        check_priced(change, done.record, override=order.override_budget)
        if result.failure is None or result.status == "ok":
            done.check_done()
            return done.record
        failed.append((choice.provider, result.failure))
        action = next_action(failed, policy, now=utc_now())
        match action:
            case GiveUp(advice=advice):
                raise ProviderError(
                    f"{result.provider} failed in step {run.step.name} ({result.failure.reason}, "
                    f"exit code {result.exit_code}): {result.error or 'it gave no reason'}",
                    fix=f"{advice}\n{done.where()} What it used is recorded.",
                )
            case Switch(provider=provider):
                other = replace(order, provider=provider, model=None)
                choice = choose_for(replace(run, order=other))
                session = None
            case Retry(fresh_session=True):
                session = None
            case _:
                pass
        order.note(f"{run.step.name}: {result.failure.reason}; {_told(action)}")
        pause(action, clock=utc_now, sleep=time.sleep)


def choose_for(run: StepRun) -> Choice:
    """The provider and model that run a step of this change. Raises ConfigError."""
    config = run.change.workspace.config
    return choose(
        config,
        run.step,
        provider=run.order.provider,
        model=run.order.model,
        specs=len(run.change.documents("specs")),
        tasks=len(tasks_of(run.change)),
        config_name=run.change.project.shown(config.path),
    )


def session_to_continue(run: StepRun, provider: str) -> str | None:
    """The session of the step that this one goes on from, if this provider ran it; never "last"."""
    if not run.step.continues:
        return None
    for call in reversed(run.change.state.calls):
        if call.step in run.step.continues and call.status == "ok":
            return call.session_id if call.provider == provider else None
    return None


def _request(run: StepRun, choice: Choice, session: str | None) -> RunRequest:
    change = run.change
    prompt = render(run)
    folder = RunFolder.create(change.runs_dir, new_call_id(run.step.name, utc_now()))
    reserve(folder.path)
    config = change.workspace.config
    settings = config.providers[choice.provider]
    return RunRequest(
        call_id=folder.path.name,
        step=run.step.name,
        provider=PROVIDERS[choice.provider],
        command=settings.command,
        prompt=prompt,
        prompt_name=run.prompt_name,
        cwd=change.project.root,
        runs_dir=change.runs_dir,
        model=choice.model,
        extra_args=settings.extra_args,
        resume_session_id=session,
        timeout_s=config.workflow.step_timeout_secs,
        prior_usage=prior_usage(change.state.calls, choice.provider, session),
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
