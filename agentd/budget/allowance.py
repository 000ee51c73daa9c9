"""What one call may spend: whether it may begin, and when it must stop."""

from __future__ import annotations

import contextlib
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from agentd.budget.account import Account, Amount
from agentd.budget.spending import (
    change_account,
    check_copies,
    metered_calls,
    part_accounts,
    stops_unpriced,
)
from agentd.clock import utc_now
from agentd.errors import BudgetExceeded, StateError
from agentd.ledger.run_folders import ENTERED
from agentd.ledger.state import State
from agentd.metering.pricing import PricedCall
from agentd.metering.unpriced import is_local
from agentd.metering.usage import UsageMetrics
from agentd.metering.words import CostSource
from agentd.project.change import Change
from agentd.runner.result import RunResult
from agentd.runner.run import RunRequest
from agentd.runner.run_folder import RunFolder

if TYPE_CHECKING:
    from agentd.budget.project_account import ProjectAccount


@dataclass(slots=True)
class Allowance:
    """The budgets of one call; ``override``: a person lets it go beyond them.

    ``overridden`` says that it did so, ``exceeded`` which limits made it stop. ``reserved`` is its
    part of the project's budget: within it nobody need be asked.
    """

    change: Change
    request: RunRequest
    override: bool
    overridden: bool = False
    exceeded: tuple[str, ...] = ()
    own: tuple[Account, ...] = ()
    project: ProjectAccount | None = None
    reserved: Amount = field(default_factory=Amount)
    model: str = ""

    def admit(self) -> None:
        """Let the call begin, and reserve its part of the project's budget.

        Raises BudgetExceeded when a limit has less left than the call must cost at least, and
        StateError when nobody can tell how much that is.
        """
        self.take_up()
        if self.own and not self.override:
            check_copies(self.change)
        if not self.limited:
            return
        least = self._least()
        with self._deciding():  # what takes long was done before
            accounts = self._accounts()
            beyond = [text for account in accounts for text in account.beyond(least)]
            if not least.usd and not is_local(self.model) and self._knows() != "local":
                beyond += self._without_price(accounts)
            if beyond and not self.override:
                raise self._error("is refused", beyond)
            self.overridden = bool(beyond)
            if self.project is not None:
                self._reserve(_at_most(accounts[-1], self.project.usual(self.request.step), least))

    def take_up(self) -> None:
        """Open the accounts, as for a call that another agentd has let begin."""
        budget, step = self.change.workspace.config.budget, self.request.step
        state, provider = self.change.state, self.request.provider.name
        name, calls = self.change.id, metered_calls(self.change, state)
        parts = part_accounts(budget, name, calls, step=step, provider=provider)
        every = (change_account(budget, name, calls), *parts)
        self.own = tuple(account for account in every if account.is_set)
        if budget.project.is_set:
            from agentd.budget.project_account import ProjectAccount

            self.project = ProjectAccount(self.change.project, budget.project, utc_now())
        if self.limited:
            self.model = self.request.model or self._last_model(state)

    @property
    def limited(self) -> bool:
        """Whether any limit is set."""
        return bool(self.own) or self.project is not None

    def meter(self, usage: UsageMetrics) -> bool | None:
        """Whether the call must stop, now that it has used so much; None: ask again.

        It does not wait for another process that looks at the project's budget.
        """
        priced = self._priced(usage)
        used = Amount(priced.cost_usd, usage.total_tokens)
        beyond = [text for account in self.own for text in account.beyond(used)]
        shared = self.change.workspace.config.budget.project
        if not beyond and self.project is not None and not self.reserved.covers(used, shared):
            try:
                beyond = self._grow(used)
            except StateError:  # LockHeld, or what another process is just writing
                return None
        if priced.unpriced and self._stops_unpriced() and self._knows() != "reported":
            beyond.append(self._no_price())
        if beyond and not self.override:
            self.exceeded = tuple(beyond)
            return True
        self.overridden = self.overridden or bool(beyond)
        return False

    def _grow(self, used: Amount) -> list[str]:
        """Reserve so much of the project's budget, or say in words why that is not left.

        Raises LockHeld at once when another process looks at it.
        """
        assert self.project is not None
        with self.project.reservations.deciding(timeout_s=0):
            account = self.project.now(but=self.request.call_id, lenient=True)
            beyond = list(account.beyond(used))
            if self.override or not beyond:
                self._reserve(used.or_more(self.reserved))
        return beyond

    def judge(self, result: RunResult) -> RunResult:
        """The result, its status budget_stopped where the CLI ended at the budget it was given.

        What it has used at last stays reserved until it is in the ledger.
        """
        self.model = result.model
        if self.project is not None or self.override:
            used = Amount(self._priced(result.usage).cost_usd, result.usage.total_tokens)
            with contextlib.suppress(StateError):  # that the call is recorded matters more
                self.overridden |= self.override and self._is_beyond(used)
                if self.project is not None:
                    self._reserve(used.or_more(self.reserved))
        if result.status == "budget_stopped" and result.refused is not None:
            self.exceeded = (result.refused,)
        failure = result.failure
        own = self.request.budget_usd is not None and result.status == "failed"
        if own and failure is not None and failure.reason == "budget":
            return replace(result, status="budget_stopped")
        return result

    def _is_beyond(self, used: Amount) -> bool:
        return any(text for account in self._accounts() for text in account.beyond(used))

    def left_usd(self) -> Decimal | None:
        """What the call may cost by the tightest limit, None where no dollars are limited."""
        left = [account.left_usd() for account in self._accounts()]
        return min((usd for usd in left if usd is not None), default=None)

    def stopped(self, also: str = "", fix: str = "") -> BudgetExceeded:
        """The error that ends a command whose call was stopped; ``also`` says what else happened.

        ``fix`` is what to do about that.
        """
        reasons = self.exceeded or (f"the CLI was given {self.request.budget_usd} USD",)
        error = self._error("was stopped", reasons)
        return BudgetExceeded(
            ". ".join(filter(None, (error.message, also))),
            fix="\n".join(filter(None, (fix, error.fix))),
        )

    def release(self) -> None:
        """Give back what is reserved, if the call is in the ledger or was never begun.

        Otherwise it counts until a later command has entered the call.
        """
        folder = RunFolder(self.request.runs_dir / self.request.call_id)
        over = not folder.run_json.exists() or (folder.path / ENTERED).exists()
        if self.project is not None and over:
            self.project.reservations.release(self.request.call_id)

    def _deciding(self) -> AbstractContextManager[None]:
        return self.project.reservations.deciding() if self.project else contextlib.nullcontext()

    def _accounts(self) -> list[Account]:
        """The call's accounts, the project's last."""
        shared = self.project.now(but=self.request.call_id) if self.project is not None else None
        return [*self.own, shared] if shared is not None else [*self.own]

    def _reserve(self, amount: Amount) -> None:
        assert self.project is not None
        call_id, folder = self.request.call_id, self.request.runs_dir.absolute()
        self.project.hold(call_id, folder / call_id, amount)
        self.reserved = amount

    def _last_model(self, state: State) -> str:
        """The model that answered this provider's last call of the change, "unknown" before it."""
        own = [call.model for call in state.calls if call.provider == self.request.provider.name]
        return next((model for model in reversed(own) if model != "unknown"), "unknown")

    def _least(self) -> Amount:
        """What the prompt alone costs and counts; $0 where its price is not known."""
        from agentd.metering.tokens import count_once

        told = self.request.prompt_tokens
        tokens = count_once(self.request.prompt, self.model) if told is None else told
        return Amount(self._priced(UsageMetrics(input_tokens=tokens)).cost_usd, tokens)

    def _without_price(self, accounts: list[Account]) -> list[str]:
        """What forbids a call of which nobody can say what it must cost."""
        source = self._knows()
        if source not in {"none", "reported"}:
            return []  # its price is 0
        found = [text for account in accounts for text in account.used_up()]
        # Without a model of its own the CLI may answer with one that has a price.
        named = self.request.model is not None or self.model != "unknown"
        if source == "none" and named and self._stops_unpriced():
            found.append(self._no_price())
        return found

    def _knows(self) -> CostSource:
        provider = self.request.provider
        return self.change.workspace.prices_of(provider.name).knows(
            self.model, maker=provider.maker, at=utc_now(), reports_costs=provider.reports_costs
        )

    def _priced(self, usage: UsageMetrics) -> PricedCall:
        prices = self.change.workspace.prices_of(self.request.provider.name)
        return prices.price(
            usage, maker=self.request.provider.maker, model=self.model, at=utc_now()
        )

    def _stops_unpriced(self) -> bool:
        return stops_unpriced(self.change.workspace.config.budget)

    def _no_price(self) -> str:
        return f'no price is known for what {self.model} answers (budget.on_unpriced = "stop")'

    def _error(self, what: str, reasons: list[str] | tuple[str, ...]) -> BudgetExceeded:
        name = self.change.id
        restart = f"; `agentd cost reset {name}` starts the change's meter again"
        own = any(f"change {name} has" in text for text in reasons)
        return BudgetExceeded(
            f"step {self.request.step} of change {name} {what} by its budget: "
            + "; ".join(reasons),
            fix="Raise the limit in agentd/config.toml, then: "
            f"{self.change.go_on}. Or go on all the same: {self.change.go_on} --budget-override. "
            f"`agentd cost {name}` shows what was spent{restart if own else ''}.",
        )


def _at_most(account: Account, usual: Amount, least: Amount) -> Amount:
    """The usual amount as far as it is left, and no less than the least."""
    left_usd, left_tokens = account.left_usd(), account.left_tokens()
    usual_usd = usual.usd if left_usd is None else min(usual.usd, left_usd)
    tokens = usual.tokens if left_tokens is None else min(usual.tokens, left_tokens)
    return Amount(usual_usd, tokens).or_more(least)
