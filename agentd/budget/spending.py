"""The accounts of a change that its calls are charged to, with what each has spent by now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agentd.budget.account import Account, amount_of
from agentd.config.model import BudgetConfig, Limit
from agentd.errors import BudgetExceeded, StateError
from agentd.ledger.state import State, calls_once
from agentd.metering.call import CallRecord
from agentd.metering.totals import summarise
from agentd.project.change import Change
from agentd.project.copies import copies_of, unreadable_copies


def metered_calls(change: Change, state: State | None = None) -> Sequence[CallRecord]:
    """The calls that count for the change's budget: those since its meter was restarted.

    Those count too that a merge has left in another ledger of it. ``state`` is what its own says,
    where that is known.
    """
    state = state or change.state
    copies = copies_of(change)
    if not copies:
        return state.calls[state.metered_from :]
    states = [state, *(copy.state for copy in copies)]
    before = [call for one in states for call in one.calls[: one.metered_from]]
    gone = {call.id for call in before}
    ends = [call.started_at for call in before if call.started_at]
    return [
        call
        for calls in calls_once([one.calls for one in states])
        for call in calls
        if call.id not in gone
        and (not ends or call.started_at is None or call.started_at > max(ends))
    ]


def check_copies(change: Change) -> None:
    """Raise StateError when another ledger of the change can't be read: it may have spent more."""
    for error in unreadable_copies(change):
        told = f"{error.message}; what change {change.id} has spent can't be told"
        raise StateError(told, fix=error.fix) from error


def change_account(budget: BudgetConfig, change_id: str, calls: Sequence[CallRecord]) -> Account:
    """The change's own account; ``calls`` are its metered ones."""
    return limit_account("budget", f"change {change_id}", budget, calls)


def part_accounts(
    budget: BudgetConfig,
    change_id: str,
    calls: Sequence[CallRecord],
    *,
    step: str,
    provider: str | None,
) -> Iterator[Account]:
    """The accounts of a step and of a provider within the change, where they have limits."""
    step = step_of(step)
    if limit := budget.steps.get(step):
        own = [call for call in calls if step_of(call.step) == step]
        yield limit_account(
            f"budget.steps.{step}", f"step {step} in change {change_id}", limit, own
        )
    if limit := budget.providers.get(provider or ""):
        own = [call for call in calls if call.provider == provider]
        shown = f"provider {provider} in change {change_id}"
        yield limit_account(f"budget.providers.{provider}", shown, limit, own)


def limit_account(key: str, shown: str, limit: Limit, calls: Sequence[CallRecord] = ()) -> Account:
    """The account of one limit, charged with these calls."""
    usd, tokens = limit.limit_usd, limit.limit_tokens
    return Account(key=key, shown=shown, limit_usd=usd, limit_tokens=tokens, spent=amount_of(calls))


def step_of(step: str) -> str:
    """The step that a call is made for: ``review`` of ``review/summary``."""
    return step.partition("/")[0]


def is_limited(budget: BudgetConfig, *, step: str, provider: str) -> bool:
    """Whether calls of a step by a provider have a limit of any kind."""
    of_step = budget.steps.get(step_of(step))
    limits = (budget, budget.project, of_step, budget.providers.get(provider))
    return any(limit is not None and limit.is_set for limit in limits)


def limits_dollars(budget: BudgetConfig) -> bool:
    """Whether any limit is in dollars."""
    parts = [limit.limit_usd for limit in (*budget.steps.values(), *budget.providers.values())]
    return any(usd is not None for usd in (budget.limit_usd, budget.project.limit_usd, *parts))


def stops_unpriced(budget: BudgetConfig) -> bool:
    """Whether a call without a price must end the run."""
    return budget.on_unpriced == "stop" and limits_dollars(budget)


def check_priced(change: Change, call: CallRecord, *, override: bool) -> None:
    """Raise BudgetExceeded when a recorded call has no price and that must end the run."""
    stops = stops_unpriced(change.workspace.config.budget) and not override
    if stops and summarise([call]).unpriced:
        raise BudgetExceeded(
            f"step {call.step} of change {change.id} was answered by {call.model}, for which no "
            'price is known (budget.on_unpriced = "stop"); the call is recorded',
            fix=f'Give it a price in agentd/config.toml ([pricing.models."{call.model}"]), then: '
            f"{change.go_on}. Or go on all the same: {change.go_on} --budget-override.",
        )
