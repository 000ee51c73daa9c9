"""The budgets of a relayed run: asked before each of its requests is sent."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

from agentd.budget.account import Account, Amount
from agentd.budget.gate_order import GateOrder
from agentd.budget.project_account import ProjectAccount
from agentd.budget.request_cost import RequestCosts
from agentd.budget.typical_answers import typical_answers
from agentd.errors import StateError
from agentd.masking import masked_traceback
from agentd.meter.logged_requests import read_begun
from agentd.metering.dialects.asked import Asked
from agentd.metering.requests import ApiRequest

_LOCK_S = 20.0


class _Sent(NamedTuple):
    """A request that was let through, and what was taken for it."""

    asked: Asked
    body: bytes
    need: Amount


@dataclass(slots=True)
class _Run:
    """What a run has used so far, and what its requests under way may use."""

    used: Amount = field(default_factory=Amount)
    under_way: dict[str, _Sent] = field(default_factory=dict)

    @property
    def waiting(self) -> Amount:
        """What all requests under way may use."""
        return reduce(Amount.plus, (sent.need for sent in self.under_way.values()), Amount())

    @property
    def taken(self) -> Amount:
        """What must be left of every limit."""
        return self.used.plus(self.waiting)


class BudgetGate:
    """Lets a request through if what it will cost is left of every limit; counts it until it ends.

    A thread of its own does it all, in turn: it asks other processes, and reads the ledgers while
    the CLI starts. Once a limit has refused a request, no other one is sent. ``log`` has what an
    earlier relay of this run let through.
    """

    def __init__(self, order: GateOrder, log: Path) -> None:
        self._order = order
        self._log = log
        self._costs = RequestCosts(
            prices=order.prices, maker=order.maker, reports_costs=order.reports_costs, at=order.at
        )
        self._run = _Run()
        self._over: str | None = None
        self._account: ProjectAccount | None = None
        self._reserved = order.reserved
        self._worker = ThreadPoolExecutor(1)
        self._prepared = self._later(self._prepare)

    def refusal(self, key: str, asked: Asked, input_tokens: int, body: bytes) -> str | None:
        """Why a request is not sent, None when it may be; then it counts as under way."""
        return self._worker.submit(self._decide, key, asked, input_tokens, body).result()

    def ended(self, key: str, requests: Sequence[ApiRequest]) -> None:
        """The request ``key`` is over, and this is what it used."""
        self._later(self._settle, key, requests)

    def _later(self, work: Callable[..., None], *args: Any) -> Future[None]:
        done = self._worker.submit(work, *args)
        done.add_done_callback(_complain)
        return done

    def _prepare(self) -> None:
        """Read the ledgers, and what an earlier relay of the run has let through."""
        order = self._order
        self._costs.typical = typical_answers(order.project, order.step)
        for asked, told in read_begun(self._log).values():
            need = self._need(asked, asked.body_bytes // 4, b"")
            if told is None:  # cut with the relay: nobody knows what it was in the end
                self._run.used = self._run.used.plus(need)
            else:
                self._count(_Sent(asked, b"", need), told)
        with contextlib.suppress(StateError):  # told when the first request asks
            if order.shared is not None:
                self._project()

    def _decide(self, key: str, asked: Asked, input_tokens: int, body: bytes) -> str | None:
        self._prepared.result()  # without what is spent already nothing may be sent
        if self._over is not None:
            return self._over
        override = self._order.override
        if not override and (why := self._forbidden(asked)) is not None:
            return why
        need = self._need(asked, input_tokens, body)
        try:
            beyond = [text for account in self._own() for text in account.beyond(need)]
            if not beyond or override:
                beyond += self._beyond_shared(need)
        except StateError as error:  # what other processes have spent can't be told
            if not override:
                return error.message
            beyond = []
        if beyond and not override:
            self._over = f"{self._told(asked, need)}: {'; '.join(beyond)}"
            return self._over
        self._run.under_way[key] = _Sent(asked, body if self._order.strict else b"", need)
        return None

    def _need(self, asked: Asked, input_tokens: int, body: bytes) -> Amount:
        if self._order.strict:
            return self._costs.at_most(asked, body)
        return self._costs.expected(asked, input_tokens)

    def _forbidden(self, asked: Asked) -> str | None:
        """Why nobody can say what a request will cost, where that forbids it."""
        order, model = self._order, asked.model
        if order.strict:
            obstacle = next(self._unbounded(asked), None)
            return obstacle and f"budget.strict is on, and {obstacle}"
        if order.unpriced_stops and not (
            self._costs.has_price(model) or self._costs.is_reported(model)
        ):
            return f'no price is known for {model} (budget.on_unpriced = "stop")'
        return None

    def _unbounded(self, asked: Asked) -> Iterator[str]:
        """What a request has that makes its cost unknown, or without a bound."""
        order, model = self._order, asked.model or "a model that is not named"
        if not asked.body_bytes:
            yield f"the request to {model} can't be read"
        if order.limits_dollars and not self._costs.has_price(asked.model):
            yield (
                f"no price is known for {model}; give it one in agentd/config.toml "
                f'([pricing.models."{model}"])'
            )
        if order.limits_dollars and (why := self._costs.lacking(asked)):
            yield f"of its price is not known: {why}"
        if asked.server_tools:
            how = f"; {order.without_server_tools}" if order.without_server_tools else ""
            yield (
                f"the request to {model} lets the API run tools of its own, such as a web search, "
                f"whose cost has no bound{how}"
            )
        if not self._costs.has_longest_answer(asked, order.limits_tokens):
            yield (
                f"nothing bounds the answer of {model}: the request sets no limit, and agentd "
                "knows none of this model"
            )

    def _own(self) -> Iterator[Account]:
        return (self._charged(account) for account in self._order.own)

    def _charged(self, account: Account) -> Account:
        """The account with what this run has used, and what it has under way."""
        return replace(
            account,
            spent=account.spent.plus(self._run.used),
            reserved=account.reserved.plus(self._run.waiting),
        )

    def _beyond_shared(self, need: Amount) -> list[str]:
        """Reserve what the project's budget must have left, or say in words why it hasn't.

        Within what is reserved already nobody need be asked. Raises StateError.
        """
        shared, taken = self._order.shared, self._run.taken.plus(need)
        if shared is None or self._reserved.covers(taken, shared):
            return []
        account = self._project()
        with account.reservations.deciding(timeout_s=_LOCK_S):
            now = self._charged(account.now(but=self._order.call_id, lenient=True))
            beyond = list(now.beyond(need))
            if not beyond or self._order.override:
                self._reserve(taken)
        return beyond

    def _project(self) -> ProjectAccount:
        if self._account is None:  # the ledgers could not be read at the beginning
            assert self._order.shared is not None
            self._account = ProjectAccount(self._order.project, self._order.shared, self._order.at)
        return self._account

    def _reserve(self, taken: Amount) -> None:
        """Keep what the run has taken, and what was set aside for it, from other calls."""
        amount = taken.or_more(self._order.reserved)
        if amount != self._reserved:
            self._project().hold(self._order.call_id, self._order.run_dir, amount)
            self._reserved = amount

    def _settle(self, key: str, requests: Sequence[ApiRequest]) -> None:
        sent = self._run.under_way.pop(key, None)
        if sent is None:
            return
        self._count(sent, requests)
        if self._order.shared is not None:
            self._reserve(self._run.taken)

    def _count(self, sent: _Sent, requests: Sequence[ApiRequest]) -> None:
        """Add what a request has used; under ``strict`` a cut one counts as all it could be."""
        used = self._costs.used(requests)
        if self._order.strict and not all(request.exact for request in requests):
            used = used.or_more(sent.need)
        self._run.used = self._run.used.plus(used)
        self._costs.learn(sent.asked, requests, sent.body)

    def _told(self, asked: Asked, need: Amount) -> str:
        how, rule = ("at most", " under budget.strict") if self._order.strict else ("about", "")
        return f"the next request ({asked.model}, {how} {need.tokens:,} tokens) was not sent{rule}"


def _complain(done: Future[None]) -> None:
    """Show what went wrong where nobody waits for it: stderr is the run's meter.log."""
    if (error := done.exception()) is not None:
        sys.stderr.write(masked_traceback(error, os.environ))
