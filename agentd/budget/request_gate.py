"""The budgets of a relayed run: asked before each of its requests is sent."""

from __future__ import annotations

import base64
import contextlib
import pickle
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple, cast

from agentd.budget.account import Account, Amount
from agentd.budget.project_account import ProjectAccount
from agentd.budget.request_cost import RequestCosts
from agentd.budget.typical_answers import typical_answers
from agentd.config.model import ProjectBudget
from agentd.errors import StateError
from agentd.frozen import frozen
from agentd.meter.request_log import read_begun
from agentd.metering.dialects.asked import Asked
from agentd.metering.pricing import PriceBook
from agentd.metering.requests import ApiRequest
from agentd.project.layout import Project

_LOCK_S = 20.0


@frozen(kw_only=True)
class GateOrder:
    """What a run may spend, for the process of its relay.

    ``own`` are the accounts that nobody else charges meanwhile; ``shared`` is the project's budget,
    None without one, of which ``reserved`` was set aside when the call began. ``unpriced_stops``: a
    model without a price is refused. ``override``: a person lets the run go beyond its limits.
    ``without_server_tools`` says how to switch off the tools that the API runs itself.
    """

    project: Project
    call_id: str
    run_dir: Path
    step: str
    maker: str
    own: tuple[Account, ...]
    shared: ProjectBudget | None
    reserved: Amount
    prices: PriceBook
    reports_costs: bool
    at: datetime
    strict: bool
    unpriced_stops: bool
    override: bool
    without_server_tools: str

    def packed(self) -> str:
        """The order as text, for a process of this same program."""
        return base64.b64encode(pickle.dumps(self)).decode()

    @classmethod
    def unpacked(cls, text: str) -> GateOrder:
        """The order of :meth:`packed`."""
        return cast("GateOrder", pickle.loads(base64.b64decode(text)))

    @property
    def limits_dollars(self) -> bool:
        """Whether a limit is in dollars."""
        return any(limit.limit_usd is not None for limit in self._limits())

    @property
    def limits_tokens(self) -> bool:
        """Whether a limit is in tokens."""
        return any(limit.limit_tokens is not None for limit in self._limits())

    def _limits(self) -> tuple[Account | ProjectBudget, ...]:
        return (*self.own, self.shared) if self.shared is not None else self.own


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
            prices=order.prices,
            maker=order.maker,
            reports_costs=order.reports_costs,
            at=order.at,
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
        if not self._order.override and (why := self._unbounded(asked)) is not None:
            return why
        need = self._need(asked, input_tokens, body)
        try:
            beyond = [text for account in self._own() for text in account.beyond(need)]
            if not beyond or self._order.override:
                beyond += self._beyond_shared(need)
        except StateError as error:  # what other processes have spent can't be told
            return error.message
        if beyond and not self._order.override:
            self._over = f"{self._told(asked, need)}: {'; '.join(beyond)}"
            return self._over
        self._run.under_way[key] = _Sent(asked, body if self._order.strict else b"", need)
        return None

    def _need(self, asked: Asked, input_tokens: int, body: bytes) -> Amount:
        if self._order.strict:
            return self._costs.at_most(asked, body)
        return self._costs.expected(asked, input_tokens)

    def _unbounded(self, asked: Asked) -> str | None:
        """Why nobody can say what a request will cost, where that forbids it."""
        order, model = self._order, asked.model or "a model that is not named"
        strict = "budget.strict is on, and "
        if order.limits_dollars and not self._costs.has_price(asked.model):
            if order.strict:
                return (
                    f"{strict}no price is known for {model}; give it one in agentd/config.toml "
                    f'([pricing.models."{model}"])'
                )
            if order.unpriced_stops and not self._costs.is_reported(asked.model):
                return f'no price is known for {model} (budget.on_unpriced = "stop")'
        if order.strict and not asked.body_bytes:
            return f"{strict}the request to {model} can't be read"
        if order.strict and asked.server_tools:
            how = f"; {order.without_server_tools}" if order.without_server_tools else ""
            return (
                f"{strict}the request to {model} lets the API run tools of its own, such as a web "
                f"search, whose cost has no bound{how}"
            )
        if order.strict and not self._costs.has_longest_answer(asked, order.limits_tokens):
            return (
                f"{strict}nothing bounds the answer of {model}: the request sets no limit, and "
                "agentd knows none of this model"
            )
        return None

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
        if shared is None or (
            (shared.limit_usd is None or taken.usd <= self._reserved.usd)
            and (shared.limit_tokens is None or taken.tokens <= self._reserved.tokens)
        ):
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
        how = "at most" if self._order.strict else "about"
        return f"the next request ({asked.model}, {how} {need.tokens} tokens) was not sent"


def _complain(done: Future[None]) -> None:
    """Show what went wrong where nobody waits for it: stderr is the run's meter.log."""
    if (error := done.exception()) is not None:
        traceback.print_exception(error, file=sys.stderr)
