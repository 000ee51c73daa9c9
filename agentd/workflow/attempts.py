"""A step's calls, one after another: again, or with another provider, when one failed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from agentd.budget.allowing import allowing
from agentd.budget.spending import check_priced
from agentd.clock import utc_now
from agentd.errors import AgentdError, Cancelled, ProviderError
from agentd.metering.call import CallRecord
from agentd.providers.failure import Failure
from agentd.runner.run import RunRequest
from agentd.workflow.attempt import Attempt, attempt
from agentd.workflow.meter_choice import metered
from agentd.workflow.model_choice import Choice, choose
from agentd.workflow.next_command import next_command
from agentd.workflow.prompts.prompt import render
from agentd.workflow.run_request import request_of
from agentd.workflow.session import session_to_continue
from agentd.workflow.step_run import StepRun
from agentd.workflow.telling import tell_of_call


def run_until_done(run: StepRun) -> CallRecord:
    """Run the CLI until the step's work is there; each run is recorded. Returns the good call.

    Raises ProviderError when there is no use in trying on, Cancelled when a person stopped it.
    """
    change, order = run.change, run.order
    failed: list[tuple[str, Failure]] = []
    choice = choose_for(run)
    if choice.instead_of and choice.instead_of not in order.replaced:
        order.replaced.add(choice.instead_of)
        order.note(f"{choice.instead_of} is not installed; {choice.provider} is used")
    session = order.session_id or session_to_continue(run, choice.provider)
    if lost := order.timed_out.get(run.step.name):
        failed.append((lost.provider, lost.failure))
        choice, session = _after_failure(run, failed, lost.error, choice, session)
    while True:
        request = metered(run, _request(run, choice, session))
        with (
            allowing(change, request, override=order.override_budget) as allowance,
            order.watching(run.begun(choice)) as watched,
        ):
            allowed = replace(allowance.request, watch=watched.watch, live_text=watched.live_text)
            done = attempt(run, allowed, allowance)
            watched.record = done.record
        tell_of_call(change, done.record, order)
        for told in done.told_beside():
            order.warn(told)
        result, forbidden = done.result, done.told_forbidden()
        if result.status == "cancelled":
            raise Cancelled(
                f"step {run.step.name} was stopped; what it used is recorded"
                + (f". {forbidden}" if forbidden else ""),
                fix=(f"{done.how_to_undo()}. " if forbidden else "")
                + f"{done.where()}\nTo go on: {next_command(change)}",
            )
        if result.status == "budget_stopped":
            raise allowance.stopped(forbidden, f"{done.how_to_undo()}." if forbidden else "")
        # Of a failed run too: the next attempt would take it for what was there before.
        done.check_forbidden()
        check_priced(change, done.record, override=order.override_budget)
        if result.failure is None or result.status == "ok":
            if result.exit_code:
                told = f"{choice.provider} reported success, but exit code {result.exit_code}"
                order.warn(f"{run.step.name}: {told}")
            done.check_done()
            return done.record
        failed.append((choice.provider, result.failure))
        choice, session = _after_failure(run, failed, _given_up(failed, done), choice, session)


def _after_failure(
    run: StepRun,
    failed: Sequence[tuple[str, Failure]],
    given_up: AgentdError,
    choice: Choice,
    session: str | None,
) -> tuple[Choice, str | None]:
    """With what the step goes on after a pause. Raises ``given_up`` when it does not."""
    from agentd.workflow.retry import next_try, sleep_until

    order, settings, (provider, failure) = (
        run.order,
        run.change.workspace.config.workflow,
        failed[-1],
    )
    config = run.change.workspace.config
    able = tuple(name for name in settings.fallback if run.step.can_run(config.row(name)))
    settings = replace(settings, fallback=able)
    following = next_try(failed, settings, wait=order.wait, now=utc_now())
    if following is None:
        raise given_up
    told = f"{run.step.name}: {failure.reason}; {following.told}"
    if failure.reason == "network" and failure not in (each for _, each in failed[:-1]):
        told += f". {failure.message}"  # once: who waits for the next attempt can mend it
    order.note(told)
    sleep_until(following.at, clock=utc_now, sleep=time.sleep)
    if following.provider != provider:
        choice = choose_for(
            replace(run, order=replace(order, provider=following.provider, model=None))
        )
    return choice, None if following.fresh_session else session


def _given_up(failed: Sequence[tuple[str, Failure]], last: Attempt) -> ProviderError:
    from agentd.workflow.retry import advice

    (provider, failure), result = failed[-1], last.result
    return ProviderError(
        f"{provider} failed in step {result.step} ({failure.reason}, "
        f"exit code {result.exit_code}): {result.error or 'it gave no reason'}",
        fix=f"{advice(failed)}\n{last.where()} What it used is recorded.\n"
        f"To go on: {next_command(last.run.change)}",
    )


def choose_for(run: StepRun) -> Choice:
    """The provider and model that run a step of this change. Raises ConfigError."""
    config, order, size = run.change.workspace.config, run.order, 0
    if any(model.complexity for row in config.providers.values() for model in row.models):
        from agentd.documents.tasks import tasks_of

        size = len(run.change.documents("specs")) + len(tasks_of(run.change))
    return choose(config, run.step, provider=order.provider, model=order.model, size=size)


def _request(run: StepRun, choice: Choice, session: str | None) -> RunRequest:
    if run.change.workspace.config.row(choice.provider).has_tools:
        return request_of(run, choice, render(run), session)
    from agentd.workflow.carrying_prompt import carrying_prompt

    prompt = carrying_prompt(run, choice)
    return request_of(run, choice, prompt.text, session, prompt.tokens)
