"""agentd: spec-driven changes with coding CLIs, every call priced.

The public Python API; each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from agentd.version import __version__ as __version__

if TYPE_CHECKING:
    from agentd.budget.metrics import CostMetrics, StateManager, publish_cost_metrics
    from agentd.budget.monitor import BudgetMonitor
    from agentd.budget.tracker import (
        BudgetTracker,
        BudgetWarning,
        check_threshold,
        log_budget_warning,
    )
    from agentd.errors import BudgetExceeded, ParseError, UnsupportedModel
    from agentd.ledger.store import StateStore
    from agentd.metering.models import ModelRegistry, ModelSpec
    from agentd.metering.quote import calculate_cost
    from agentd.metering.rates import PricingConfig
    from agentd.metering.tokens import count_tokens
    from agentd.metering.usage import UsageMetrics
    from agentd.providers import LlmProvider
    from agentd.providers.output import parse_usage_from_output
    from agentd.runner.result import RunResult
    from agentd.runner.run import RunRequest, ScriptRunner

__all__ = [
    "BudgetExceeded",
    "BudgetMonitor",
    "BudgetTracker",
    "BudgetWarning",
    "CostMetrics",
    "LlmProvider",
    "ModelRegistry",
    "ModelSpec",
    "ParseError",
    "PricingConfig",
    "RunRequest",
    "RunResult",
    "ScriptRunner",
    "StateManager",
    "StateStore",
    "UnsupportedModel",
    "UsageMetrics",
    "calculate_cost",
    "check_threshold",
    "count_tokens",
    "log_budget_warning",
    "parse_usage_from_output",
    "publish_cost_metrics",
]

_MODULES = {
    "BudgetExceeded": "agentd.errors",
    "BudgetMonitor": "agentd.budget.monitor",
    "BudgetTracker": "agentd.budget.tracker",
    "BudgetWarning": "agentd.budget.tracker",
    "CostMetrics": "agentd.budget.metrics",
    "LlmProvider": "agentd.providers",
    "ModelRegistry": "agentd.metering.models",
    "ModelSpec": "agentd.metering.models",
    "ParseError": "agentd.errors",
    "PricingConfig": "agentd.metering.rates",
    "RunRequest": "agentd.runner.run",
    "RunResult": "agentd.runner.result",
    "ScriptRunner": "agentd.runner.run",
    "StateManager": "agentd.budget.metrics",
    "StateStore": "agentd.ledger.store",
    "UnsupportedModel": "agentd.errors",
    "UsageMetrics": "agentd.metering.usage",
    "calculate_cost": "agentd.metering.quote",
    "check_threshold": "agentd.budget.tracker",
    "count_tokens": "agentd.metering.tokens",
    "log_budget_warning": "agentd.budget.tracker",
    "parse_usage_from_output": "agentd.providers.output",
    "publish_cost_metrics": "agentd.budget.metrics",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'agentd' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
