"""``budget.strict``: what an API may bill of the requests that are sent exceeds no limit, ever.

A run is made up at random: prices, limits, threads that talk at the same time and sum up what they
said, text of up to a token a byte, answers as long as is allowed, answers that are cut and billed
all the same, relays that are killed. What is billed is not what the gate is told of a cut answer.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from support.allowance_box import project
from support.gating import MODEL, order, shared
from support.slices import SLICE, part_of, seed

from agentd.budget.account import Account, Amount
from agentd.budget.gate_order import GateOrder
from agentd.budget.request_gate import BudgetGate
from agentd.meter.request_log import NAME, RequestLog
from agentd.metering.dialects import Asked
from agentd.metering.pricing import PriceBook
from agentd.metering.rates import PricingConfig
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage
from agentd.project.workspace import Workspace

RUNS = 1000
MODELS = (MODEL, "m-2")


@dataclass
class Thread:
    """A conversation; each of its parts has a number of tokens that only the API knows."""

    model: str
    parts: list[tuple[bytes, int]]
    output_limit: int

    def body(self) -> bytes:
        return b"".join((b'{"messages": [', *(text for text, _ in self.parts), b"]}"))

    def tokens(self) -> int:
        return sum(tokens for _, tokens in self.parts)


@dataclass
class Run:
    """One relayed run, and what the API bills for it."""

    chance: random.Random
    order: GateOrder
    log: Path
    billed: Amount = field(default_factory=Amount)
    sent: int = 0
    under_way: dict[str, tuple[Thread, Asked, ModelUsage]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.threads = [self.thread() for _ in range(self.chance.randint(1, 4))]
        self.gate = BudgetGate(self.order, self.log)
        self.lines = RequestLog(self.log)

    def thread(self) -> Thread:
        model, limit = self.chance.choice(MODELS), self.chance.choice((1, 50, 8000))
        return Thread(model, [self.text(9000)], limit)

    def text(self, most: int) -> tuple[bytes, int]:
        size = self.chance.randint(1, most)
        density = self.chance.choice((0.05, 0.05, 0.25, 1.0))
        return self.chance.randbytes(size), max(1, round(size * density))

    def step(self) -> None:
        """One thing that happens: a request, an answer, or the relay's death."""
        if self.chance.random() < 0.02:
            self.kill_the_relay()
        elif self.under_way and self.chance.random() < 0.5:
            self.answer(self.chance.choice(list(self.under_way)))
        else:
            self.ask()

    def ask(self) -> None:
        thread = self.chance.choice(self.threads)
        if self.chance.random() < 0.2:  # summed up: shorter, and other text
            thread.parts = [self.text(9000)]
        thread.parts.append(self.text(3000))
        body, key = thread.body(), f"k{self.sent}"
        asked = Asked(model=thread.model, body_bytes=len(body), output_limit=thread.output_limit)
        if self.gate.refusal(key, asked, len(body) // 4, body) is None:
            self.sent += 1
            self.lines.started(key, asked, input_tokens=len(body) // 4)
            self.under_way[key] = (thread, asked, self.usage(thread))

    def usage(self, thread: Thread) -> ModelUsage:
        """What the API will bill: any kind of input, and up to the longest answer."""
        tokens = thread.tokens()
        written = self.chance.choice((0, tokens, self.chance.randint(0, tokens)))
        one_hour = self.chance.choice((0, written))
        return ModelUsage(
            input_tokens=tokens,
            output_tokens=self.chance.choice(
                (thread.output_limit, self.chance.randint(1, thread.output_limit))
            ),
            cache_read_input_tokens=self.chance.choice((0, tokens - written)),
            cache_creation_input_tokens=written,
            cache_creation_1h_input_tokens=one_hour,
        )

    def answer(self, key: str) -> None:
        thread, _, usage = self.under_way.pop(key)
        fate = self.chance.random()
        if fate < 0.1:  # an error of the API
            self.told(key, [])
        elif fate < 0.25:  # cut: it bills all of it, and has told little
            self.bill(thread, usage)
            little = ModelUsage(input_tokens=usage.input_tokens // 2, output_tokens=1)
            self.told(key, [ApiRequest(model=thread.model, usage=little)])
        else:
            self.bill(thread, usage)
            self.told(key, [ApiRequest(model=thread.model, usage=usage, ended=True)])

    def told(self, key: str, requests: list[ApiRequest]) -> None:
        self.lines.ended(key, 200, requests)
        self.gate.ended(key, requests)

    def bill(self, thread: Thread, usage: ModelUsage) -> None:
        prices = self.order.prices.configured(thread.model, None)
        assert prices is not None
        self.billed = self.billed.plus(Amount(prices.cost_usd(usage), usage.total_tokens))

    def kill_the_relay(self) -> None:
        """What was under way is billed, and nobody hears of it."""
        for thread, _, usage in self.under_way.values():
            self.bill(thread, usage)
        self.under_way.clear()
        self.gate = BudgetGate(self.order, self.log)


def some_prices(chance: random.Random) -> PriceBook:
    def price(factor: float = 1.0) -> Decimal:
        return Decimal(round(chance.uniform(0.05, 20) * factor, 4)).quantize(Decimal("0.0001"))

    return PriceBook(
        config={
            model: PricingConfig(
                cost_per_1m_input=price(),
                cost_per_1m_output=price(5),
                cost_per_1m_cache_read=price(0.1),
                cost_per_1m_cache_write=chance.choice((None, price())),
                cost_per_1m_cache_write_1h=chance.choice((None, price(2))),
            )
            for model in MODELS
        }
    )


def some_order(folder: Path, chance: random.Random, prices: PriceBook) -> GateOrder:
    spent = Amount(Decimal(chance.randint(0, 20)) / 100, chance.randint(0, 5000))
    in_dollars, in_tokens = chance.choice(((True, False), (False, True), (True, True)))
    own = Account(
        key="budget",
        shown="the change",
        limit_usd=Decimal(chance.randint(1, 200)) / 100 if in_dollars else None,
        limit_tokens=chance.randint(1000, 100_000) if in_tokens else None,
        spent=spent,
    )
    return order(folder, own=(own,), strict=True, prices=prices)


def is_kept(account: Account, billed: Amount) -> bool:
    """Whether a limit holds; one that was exceeded before allows nothing."""
    usd, tokens = account.limit_usd, account.limit_tokens
    total = account.spent.plus(billed)
    return (usd is None or not billed.usd or total.usd <= usd) and (
        tokens is None or not billed.tokens or total.tokens <= tokens
    )


@pytest.mark.reliability
def test_no_limit_of_a_change_is_exceeded(tmp_path: Path) -> None:
    sent = 0
    for number in range(part_of(RUNS)):
        chance = random.Random(seed(SLICE) + 7919 * number)
        folder = tmp_path / str(number)
        folder.mkdir()
        run = Run(chance, some_order(folder, chance, some_prices(chance)), folder / NAME)
        for _ in range(chance.randint(5, 60)):
            run.step()
        run.kill_the_relay()
        assert is_kept(run.order.own[0], run.billed), (number, run.billed)
        sent += run.sent
    assert sent > part_of(RUNS)  # it was no proof of refusals alone


@pytest.mark.reliability
def test_no_limit_of_a_project_is_exceeded_by_two_runs_at_once(tmp_path: Path) -> None:
    sent = 0
    for number in range(part_of(RUNS) // 10):
        chance = random.Random(seed(SLICE) + 104_729 * number)
        limit, prices = Decimal(chance.randint(20, 400)) / 100, some_prices(chance)
        runs = two_runs(tmp_path / str(number), chance, limit, prices)
        for _ in range(chance.randint(10, 80)):
            chance.choice(runs).step()
        for run in runs:
            run.kill_the_relay()
        assert sum(run.billed.usd for run in runs) <= limit, number
        sent += sum(run.sent for run in runs)
    assert sent > part_of(RUNS) // 10


def two_runs(folder: Path, chance: random.Random, limit: Decimal, prices: PriceBook) -> list[Run]:
    folder.mkdir()
    box = project(folder, str(limit))
    runs = []
    for change in ("a", "b"):
        run_dir = box.change(change) / "runs" / f"20261125T100000-challenge-{change}"
        run_dir.mkdir(parents=True)
        (run_dir / "run.json").touch()
        given = order(
            folder,
            project=Workspace.open(box.root).project,
            call_id=run_dir.name,
            run_dir=run_dir,
            own=(),
            shared=shared(limit),
            strict=True,
            prices=prices,
        )
        runs.append(Run(chance, given, run_dir / NAME))
    return runs
