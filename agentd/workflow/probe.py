"""``agentd doctor --probe``: one tiny request to each HTTP API, and what it tells of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from agentd.clock import utc_now
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
    """Ask each server of the config once: a call ``doctor/probe`` of the change worked on last.

    That is an archived one where none is open. Without any only servers that nobody bills are
    asked, and it is said that their calls are recorded nowhere.
    """
    try:
        workspace = Workspace.open_to_write(start)
        change = latest_change(workspace.project)
    except AgentdError as error:
        yield Check("probe", "fail", error.message, error.fix)
        return
    servers = workspace.config.http
    try:
        if not servers:
            told = "there is no [http.NAME] in config.toml, so nothing was asked"
            yield Check("probe", "ok", told)
        elif change is None:
            yield from [_unrecorded(workspace, name, order) for name in servers]
        else:
            with at_work(change):
                yield from [_probe(change, name, order) for name in servers]
    except AgentdError as error:
        yield Check("probe", "warn", error.message, error.fix)


def _unrecorded(workspace: Workspace, name: str, order: Order) -> Check:
    """Ask a server whose call has no ledger, if it costs nothing."""
    model = workspace.config.http[name].model
    if workspace.prices_of(name).knows(model, maker="", at=utc_now()) != "local":
        return Check(
            f"probe of {name}",
            "warn",
            "its answer may cost money, and there is no change in whose ledger it could be "
            "recorded, so it was not asked",
            'Start one: agentd proposal add-something "What to change"',
        )
    with tempfile.TemporaryDirectory(prefix="agentd-probe-") as folder:
        change = Change(workspace.project, "probe", Path(folder, "probe"), workspace=workspace)
        change.ledger.create(change.id)
        return _probe(change, name, order, "recorded nowhere, as there is no change; it is free")


def _probe(change: Change, name: str, order: Order, where: str = "") -> Check:
    model = change.workspace.config.http[name].model
    run = StepRun(change=change, step=_STEP, order=order)
    try:
        result, record = call_beside(run, Choice(provider=name, model=model), "probe", _PROMPT)
    except (BudgetExceeded, InputError, StateError) as error:
        return Check(f"probe of {name}", "warn", error.message, error.fix)
    where = where or f"recorded in {change.project.shown(change.folder)}"
    if result.status != "ok":
        told = f"{result.error or result.status} ({where})"
        return Check(f"probe of {name}", "fail", told, f"Correct [http.{name}] in config.toml.")
    told = _told(record, result, counted_by(change, name, _PROMPT))
    return Check(f"probe of {name}", "ok", f"{told}; {where}")


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
