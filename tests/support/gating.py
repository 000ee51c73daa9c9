"""A gate with limits, asked in this process: prices that are easy to add up by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from agentd.budget.account import Account, Amount
from agentd.budget.gate_order import GateOrder
from agentd.budget.request_gate import BudgetGate
from agentd.config.model import ProjectBudget
from agentd.meter.request_log import NAME
from agentd.metering.dialects import Asked
from agentd.metering.pricing import PriceBook
from agentd.metering.rates import PricingConfig
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage
from agentd.project.layout import Project

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)
MODEL = "m-1"
# A tenth of a cent for a token of input, a cent for one of output.
PRICES = {
    MODEL: PricingConfig(
        cost_per_1m_input=1000,
        cost_per_1m_output=10_000,
        cost_per_1m_cache_read=100,
        cost_per_1m_cache_write=2000,
    )
}


def order(folder: Path, **more: Any) -> GateOrder:
    """A change that may cost $100, $40 of it spent."""
    own = Account(
        key="budget",
        shown="change add-x",
        limit_usd=Decimal(100),
        spent=Amount(Decimal(40), 0),
    )
    usual: dict[str, Any] = {
        "project": Project(folder),
        "call_id": "20261125T120000-challenge-00000001",
        "run_dir": folder,
        "step": "challenge",
        "maker": "google",
        "own": (own,),
        "shared": None,
        "reserved": Amount(),
        "prices": PriceBook(config=PRICES),
        "reports_costs": False,
        "at": AT,
        "strict": False,
        "unpriced_stops": False,
        "override": False,
        "without_server_tools": "",
    }
    return GateOrder(**{**usual, **more})


def gate(folder: Path, **more: Any) -> BudgetGate:
    return BudgetGate(order(folder, **more), folder / NAME)


def asked(body_bytes: int = 4000, **more: Any) -> Asked:
    """A request of 1,000 tokens by the usual rule, so $1 and $20 for a typical answer."""
    return Asked(**{"model": MODEL, "body_bytes": body_bytes, **more})


def answer(input_tokens: int = 1000, output_tokens: int = 100, **more: Any) -> ApiRequest:
    """An answer as it was billed: $1 and $1."""
    counts = {
        name: more.pop(name)
        for name in ("cache_read_input_tokens", "cache_creation_input_tokens")
        if name in more
    }
    usage = ModelUsage(input_tokens=input_tokens, output_tokens=output_tokens, **counts)
    return ApiRequest(**{"model": MODEL, "usage": usage, "ended": True, "finish": "stop", **more})


def shared(limit_usd: int | Decimal) -> ProjectBudget:
    return ProjectBudget(limit_usd=Decimal(limit_usd), period="total")
