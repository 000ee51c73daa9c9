"""Runs one step of a change: is it ready, attempts until one is good, ledger and phase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agentd.documents.verdict import documents_of, verdict_of
from agentd.errors import InputError
from agentd.ledger.store import StateStore
from agentd.metering.call import CallRecord
from agentd.project.phases import next_command, read_phase
from agentd.project.workspace import Workspace
from agentd.workflow import attempts
from agentd.workflow.order import Order
from agentd.workflow.recording import settle_before_step
from agentd.workflow.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutcome:
    """A step that is done: its call, the files it owed, its verdict, the command that is next."""

    change_id: str
    step: Step
    record: CallRecord
    written: list[Path]
    verdict: str | None = None
    next: str | None = None


def run_step(
    workspace: Workspace,
    change: Path,
    step: Step,
    order: Order,
    *,
    prompt: str | None = None,
    values: Mapping[str, str] | None = None,
) -> StepOutcome:
    """Run one step of a change; each of its calls is recorded, whatever becomes of it.

    ``prompt`` names another prompt than the step's own, ``values`` fills its fields. A run of this
    step that agentd did not live to record, and that was good, is taken instead of a new one.
    Raises InputError when the change is not ready, BudgetExceeded (exit 3) when its budget does not
    allow the call or stopped it, ProviderError (exit 4) when the CLI failed or did not do its work,
    Cancelled when a person stopped it.
    """
    for settled in settle_before_step(workspace, change, order):
        if settled.done and settled.record.step == step.name:
            return _outcome(change, step, settled.record)
    check_ready(change, step, StateStore(change).read().phase)
    record = attempts.run(
        workspace, change, step, order, prompt=prompt or step.name, values=values or {}
    )
    return _outcome(change, step, record)


def check_ready(change: Path, step: Step, written_phase: str | None) -> None:
    """Raise InputError unless the phase allows the step and the documents it reads are there."""
    phase = read_phase(written_phase)
    if phase is not None and phase not in step.phases:
        following = next_command(phase)
        raise InputError(
            f"change {change.name} is in phase {phase}; {step.command} starts from "
            f"{' or '.join(step.phases)}",
            fix=f"Next: agentd {following} {change.name}" if following else "It is archived.",
        )
    missing = [name for name in step.reads if not documents_of(change, name)]
    if missing:
        raise InputError(
            f"change {change.name} has no {' and no '.join(missing)}; {step.command} reads it",
            fix=f"Run the step that writes it first: agentd status {change.name}",
        )


def _outcome(change: Path, step: Step, record: CallRecord) -> StepOutcome:
    verdict = verdict_of(change, step.judgement)
    _, following = step.verdicts.get(verdict or "", (None, step.next))
    return StepOutcome(
        change_id=change.name,
        step=step,
        record=record,
        written=[path for name in step.writes for path in documents_of(change, name)],
        verdict=verdict,
        next=following,
    )
