"""``agentd doctor --probe``: one tiny request to each HTTP API, and what it tells of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from agentd.errors import AgentdError, BudgetExceeded, InputError, StateError
from agentd.metering.call import CallRecord
from agentd.metering.totals import summarise
from agentd.project.change import Change
from agentd.project.changes import latest_change
from agentd.project.hold import at_work
from agentd.project.workspace import Workspace
from agentd.runner.result import RunResult
from agentd.workflow.doctor import Check
from agentd.workflow.helper_call import call_beside
from agentd.workflow.model_choice import Choice
from agentd.workflow.order import Order
from agentd.workflow.server_count import Counted, counted_by
from agentd.workflow.step_run import StepRun
from agentd.workflow.steps import Step

_STEP = Step(name="doctor", command="doctor", phases=())
_PROMPT = "Answer with the word OK and nothing else."


def probe(start: Path, order: Order) -> Iterator[Check]:
    """Ask each server of the config once: a call of the change worked on last, ``doctor/probe``.

    None is asked without a change, as no call goes unrecorded.
    """
    try:
        workspace = Workspace.open_to_write(start)
        change = latest_change(workspace.project)
    except AgentdError as error:
        yield Check("probe", "fail", error.message, error.fix)
        return
    servers = workspace.config.http
    if not servers:
        yield Check("probe", "ok", "there is no [http.NAME] in config.toml, so nothing was asked")
    elif change is None or change.archived_on is not None:
        yield Check(
            "probe",
            "warn",
            "there is no open change in whose ledger its calls could be recorded",
            'Start one: agentd proposal add-something "What to change"',
        )
    else:
        try:
            with at_work(change):
                yield from [_probe(change, name, order) for name in servers]
        except AgentdError as error:
            yield Check("probe", "warn", error.message, error.fix)


def _probe(change: Change, name: str, order: Order) -> Check:
    model = change.workspace.config.http[name].model
    run = StepRun(change=change, step=_STEP, order=order)
    try:
        result, record = call_beside(run, Choice(provider=name, model=model), "probe", _PROMPT)
    except (BudgetExceeded, InputError, StateError) as error:
        return Check(f"probe of {name}", "warn", error.message, error.fix)
    if result.status != "ok":
        told = result.error or result.status
        return Check(f"probe of {name}", "fail", told, f"Correct [http.{name}] in config.toml.")
    return Check(f"probe of {name}", "ok", _told(record, result, counted_by(change, name, _PROMPT)))


def _told(record: CallRecord, result: RunResult, counted: Counted) -> str:
    usage = record.usage
    source = "" if record.cost_source == "local" else f" ({record.cost_source})"
    used = (
        f"in {usage.input_tokens:,} ({usage.cache_read_input_tokens:,} cached), "
        f"out {usage.output_tokens:,}"
    )
    parts = [
        f"{record.model} answered in {result.duration_ms / 1000:,.1f} s",
        used if record.accuracy == "exact" else f"no usage told, about {used}",
        f"{summarise([record]).cost_shown}{source}",
    ]
    if counted.tokens is not None:
        parts.append(f"its /tokenize counts {counted.tokens:,} tokens in the prompt")
    if counted.window is not None:
        parts.append(f"its window is {counted.window:,} tokens")
    return "; ".join(parts)
