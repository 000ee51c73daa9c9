"""``agentd demo --budget``: 100 items under one budget, by made-up models at made-up costs."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from agentd.budget.metrics import publish_cost_metrics
from agentd.budget.monitor import BudgetMonitor
from agentd.budget.sentences import left_usd
from agentd.budget.state_manager import MEMORY, StateManager
from agentd.budget.tracker import BudgetTracker
from agentd.budget.warnings import after_call
from agentd.cli.demo.folder import make_empty
from agentd.clock import utc_now
from agentd.config.edit import set_values
from agentd.ledger.call_id import new_call_id
from agentd.metering.call import CallRecord
from agentd.metering.money import plain_number, usd
from agentd.metering.quote import Cost, calculate_cost
from agentd.metering.rates import PricingConfig
from agentd.metering.usage import ModelUsage, UsageMetrics
from agentd.project.change import Change
from agentd.project.init import initialise
from agentd.text import counted

BUDGET_USD = Decimal(50)
WARN_AT = Decimal("0.9")
ITEMS = 100
AGENTS = 4
CHANGE = "hundred-items"
STEP = "implementation"


class Model(NamedTuple):
    """A made-up model, its prices, and what an item usually needs of it."""

    name: str
    prices: PricingConfig
    usual: UsageMetrics

    def cost(self, usage: UsageMetrics) -> Cost:
        """What so many tokens of it cost."""
        return calculate_cost(usage, self.prices)


LARGE = Model(
    "demo-large",
    PricingConfig(cost_per_1m_input=5, cost_per_1m_output=25),
    UsageMetrics(input_tokens=66_000, output_tokens=8_000),  # $0.33 + $0.20
)
SMALL = Model(
    "demo-small",
    PricingConfig(cost_per_1m_input=3, cost_per_1m_output=15),
    UsageMetrics(input_tokens=60_000, output_tokens=8_000),  # $0.18 + $0.12
)
LONGER = {85: UsageMetrics(input_tokens=80_000, output_tokens=8_000)}
"""Items that need more of the large model: $0.40 + $0.20."""


def play_budget(
    say: Callable[[str], None],
    *,
    keep: Path | None = None,
    state_file: Path | None = None,
    pause_s: float = 0.0,
) -> None:
    """Spend on ITEMS from one budget; a cheaper model takes over when the warning comes.

    Metrics are published to ``state_file``, if given. In a project in ``keep`` each item is also a
    call of a change. Raises InputError when ``keep`` is not empty, StateError for a state file that
    can't be used.
    """
    say("This is a demonstration: the models and their costs are made up, no model is asked, and")
    say("nothing is spent. What counts and warns is agentd's own.\n")
    ledger = _Ledger(keep) if keep is not None else None
    if keep is not None:
        say(f"The dashboard shows it live: agentd -C {shlex.quote(str(keep))} dashboard\n")
    if state_file is not None:
        file = shlex.quote(str(state_file))
        say(f"The dashboard shows the agents live: agentd dashboard --state {file}\n")
    tracker, model = BudgetTracker(BUDGET_USD), LARGE
    percent, usual = plain_number(WARN_AT * 100), usd(LARGE.cost(LARGE.usual).total_usd, 2)
    say(f"{ITEMS} items, a budget of {usd(BUDGET_USD, 2)}, a warning at {percent} %.")
    say(f"{model.name} needs {usual} for most items.")
    monitor = BudgetMonitor(tracker, thresholds=[WARN_AT], warn=lambda told: say(str(told)))
    with StateManager(state_file or MEMORY, thresholds=[WARN_AT]) as state:
        for number in range(1, ITEMS + 1):
            usage = LONGER.get(number, model.usual)
            cost = model.cost(usage)
            agent = f"agent-{(number - 1) % AGENTS + 1}"
            tracker.record_cost(agent, cost)
            publish_cost_metrics(agent, cost, tracker, state)
            if ledger is not None:
                ledger.enter(model, usage, cost)
            if number % 10 == 0 or number == 1 or {number - 1, number, number + 1} & LONGER.keys():
                left = left_usd(tracker.total_spent(), BUDGET_USD)
                one = usd(cost.total_usd, 2)
                say(f"item {number:>3}: {agent}, {model.name}, {one}; {left}")
            if monitor.check():
                say(_take_over(tracker, number))
                model = SMALL
            time.sleep(pause_s)
    say(f"\n{ITEMS} items are done: {left_usd(tracker.total_spent(), BUDGET_USD)}.")
    say("\n".join(f"  {agent}: {usd(spent, 2)}" for agent, spent in tracker.agent_costs()))
    if state_file is not None:
        say(f"The metrics of the agents are in {state_file}, a file of agentd.StateManager.")
    if keep is not None:
        _tell_next(say, keep)


def _take_over(tracker: BudgetTracker, number: int) -> str:
    """Which model goes on, and when the other one would have used up the budget."""
    dear, cheap = (model.cost(model.usual).total_usd for model in (LARGE, SMALL))
    more = int(tracker.remaining() / dear) + 1
    return (
        f"{SMALL.name} takes over: {usd(cheap, 2)} an item. {LARGE.name} would exceed the budget "
        f"with item {number + more}, so {counted(ITEMS - number - more + 1, 'item')} would be left "
        "undone."
    )


class _Ledger:
    """A project of its own, in which each item is a call of one change."""

    def __init__(self, root: Path) -> None:
        make_empty(root)
        project = initialise(root, project_name="demo-budget").project
        pairs = [
            ("budget.limit_usd", plain_number(BUDGET_USD)),
            ("budget.warn_at_percent", plain_number(WARN_AT * 100)),
        ]
        for model in (LARGE, SMALL):
            key = f"pricing.models.{model.name}.cost_per_1m"
            pairs.append((f"{key}_input", plain_number(model.prices.cost_per_1m_input)))
            pairs.append((f"{key}_output", plain_number(model.prices.cost_per_1m_output)))
        set_values(project.config_path, pairs)
        self._change = Change(project, CHANGE, project.changes_dir / CHANGE)
        self._change.ledger.create(CHANGE, phase="implementing")

    def enter(self, model: Model, usage: UsageMetrics, cost: Cost) -> None:
        """Enter an item as a call, and which warnings it led to."""
        now = utc_now()
        call = CallRecord(
            id=new_call_id(STEP, now),
            step=STEP,
            provider=None,
            model=model.name,
            status="ok",
            usage=ModelUsage(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens),
            cost_usd=cost.total_usd,
            cost_source="config",
            accuracy="exact",
            usage_source="wire",
            duration_ms=None,
            started_at=now,
        )
        self._change.ledger.append(call)
        after_call(self._change, call, lambda _: None)


def _tell_next(say: Callable[[str], None], root: Path) -> None:
    say(f"\nThe project is {root}; its ledger says the same:\n")
    for command in (f"status {CHANGE}", f"cost {CHANGE} --by model", f"log {CHANGE}"):
        say(f"  agentd -C {shlex.quote(str(root))} {command}")
