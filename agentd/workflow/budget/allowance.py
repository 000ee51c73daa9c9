"""What one call may spend: whether it may begin, and when it must stop."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from agentd.clock import utc_now
from agentd.errors import BudgetExceeded
from agentd.metering.accounts import Account, Amount
from agentd.metering.local import is_local
from agentd.metering.pricing import PricedCall
from agentd.metering.usage import UsageMetrics
from agentd.runner.script import RunRequest, RunResult
from agentd.state.kept import ENTERED
from agentd.state.reservations import Reservation, Reservations
from agentd.workflow.budget.spending import (
    ProjectAccount,
    change_account,
    has_project_limit,
    part_accounts,
)
from agentd.workflow.workspace import Workspace


@dataclass(slots=True)
class Allowance:
    """The budgets of one call; ``override``: a person lets it go beyond them.

    ``overridden`` says that it did so, ``exceeded`` which limits made it stop.
    """

    workspace: Workspace
    change: Path
    request: RunRequest
    override: bool
    overridden: bool = False
    exceeded: tuple[str, ...] = ()
    own: tuple[Account, ...] = ()
    project: ProjectAccount | None = None
    reserved: Amount = field(default_factory=Amount)

    def admit(self) -> None:
        """Let the call begin, and reserve its part of the project's budget.

        Raises BudgetExceeded when a limit has less left than the call must cost at least.
        """
        budget, provider = self.workspace.config.budget, self.request.provider.name
        step = self.request.step
        parts = part_accounts(budget, self.change, step=step, provider=provider)
        every = (change_account(budget, self.change), *parts)
        self.own = tuple(account for account in every if account.is_limited)
        with self._deciding():
            if has_project_limit(budget):
                self.project = ProjectAccount(self.workspace, self._reservations, utc_now())
            if not self.limited:
                return
            least = self._least()
            beyond = [*self._unpriced_beyond(), *self._beyond(least)]
            if beyond and not self.override:
                raise self._error("is refused", beyond)
            self.overridden = bool(beyond)
            if self.project is not None:
                usual = self.project.usual_usd(step)
                self._reserve(least._replace(usd=max(least.usd, usual)))

    @property
    def limited(self) -> bool:
        """Whether any limit is set."""
        return bool(self.own) or self.project is not None

    def meter(self, usage: UsageMetrics) -> bool:
        """Whether the call must stop, now that it has used so much."""
        priced = self._priced(usage)
        used = Amount(priced.cost_usd, usage.input_tokens + usage.output_tokens)
        beyond = self._beyond(used)
        if priced.unpriced and self._stops_unpriced():
            beyond.append(self._no_price())
        if beyond and not self.override:
            self.exceeded = tuple(beyond)
            return True
        self.overridden = self.overridden or bool(beyond)
        held = self.reserved
        if used.usd > held.usd or used.tokens > held.tokens:
            self._reserve(Amount(max(used.usd, held.usd), max(used.tokens, held.tokens)))
        return False

    def judge(self, result: RunResult) -> RunResult:
        """The result, its status budget_stopped where the CLI ended at the budget it was given."""
        failure = result.failure
        own = self.request.budget_usd is not None and result.status == "failed"
        if own and failure is not None and failure.reason == "budget":
            return replace(result, status="budget_stopped")
        return result

    def left_usd(self) -> Decimal | None:
        """What the call may cost by the tightest limit, None where no dollars are limited."""
        left = [account.left_usd() for account in self._accounts()]
        return min((usd for usd in left if usd is not None), default=None)

    def stopped(self) -> BudgetExceeded:
        """The error that ends a command whose call was stopped."""
        return self._error(
            "was stopped", self.exceeded or (f"the CLI was given {self.request.budget_usd} USD",)
        )

    def release(self) -> None:
        """Give back what is reserved, if the call is in the ledger or was never made.

        Otherwise it counts until a later command has entered the call.
        """
        run_dir = self.request.runs_dir / self.request.call_id
        if self.project is not None and (not run_dir.exists() or (run_dir / ENTERED).exists()):
            self._reservations.release(self.request.call_id)

    @property
    def _reservations(self) -> Reservations:
        return Reservations(self.workspace.project.running_dir)

    def _deciding(self) -> AbstractContextManager[None]:
        if has_project_limit(self.workspace.config.budget):
            return self._reservations.deciding()
        return contextlib.nullcontext()

    def _accounts(self) -> list[Account]:
        shared = self.project.now(but=self.request.call_id) if self.project is not None else None
        return [*self.own, shared] if shared is not None else [*self.own]

    def _beyond(self, amount: Amount) -> list[str]:
        return [text for account in self._accounts() for text in account.beyond(amount)]

    def _reserve(self, amount: Amount) -> None:
        self.reserved = amount
        if self.project is not None:
            run_dir = self.request.runs_dir / self.request.call_id
            held = Reservation(self.request.call_id, run_dir.absolute(), amount.usd, amount.tokens)
            self._reservations.hold(held)

    def _least(self) -> Amount:
        """What the prompt alone costs and counts."""
        from agentd.metering.tokens import count_once

        tokens = count_once(self.request.prompt, self._model)
        return Amount(self._priced(UsageMetrics(input_tokens=tokens)).cost_usd, tokens)

    def _priced(self, usage: UsageMetrics) -> PricedCall:
        return self.workspace.prices.price(
            usage, provider=self.request.provider.name, model=self._model, at=utc_now()
        )

    @property
    def _model(self) -> str:
        return self.request.model or "unknown"

    def _unpriced_beyond(self) -> list[str]:
        model, provider = self.request.model, self.request.provider.name
        if model is None or is_local(model) or not self._stops_unpriced():
            return []
        source = self.workspace.prices.knows(model, provider=provider, at=utc_now())
        return [self._no_price()] if source == "none" else []

    def _stops_unpriced(self) -> bool:
        limits = [account.limit_usd for account in self._accounts()]
        stops = self.workspace.config.budget.on_unpriced == "stop"
        return stops and any(limit is not None for limit in limits)

    def _no_price(self) -> str:
        return f'no price is known for what {self._model} answers (budget.on_unpriced = "stop")'

    def _error(self, what: str, reasons: list[str] | tuple[str, ...]) -> BudgetExceeded:
        return BudgetExceeded(
            f"step {self.request.step} of change {self.change.name} {what} by its budget: "
            + "; ".join(reasons),
            fix="Raise the limit in agentd/config.toml, or go on all the same: --budget-override. "
            f"`agentd cost {self.change.name}` shows what was spent; `agentd cost reset "
            f"{self.change.name}` starts the change's meter again.",
        )
