"""agentd: spec-driven changes with coding CLIs, every call priced.

The public Python API; each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from agentd.version import __version__ as __version__

if TYPE_CHECKING:  # what a type checker sees of the names below
    from agentd.budget.cost_metrics import CostMetrics as CostMetrics
    from agentd.budget.metrics import publish_cost_metrics as publish_cost_metrics
    from agentd.budget.monitor import BudgetMonitor as BudgetMonitor
    from agentd.budget.monitor import BudgetWarning as BudgetWarning
    from agentd.budget.monitor import check_threshold as check_threshold
    from agentd.budget.monitor import log_budget_warning as log_budget_warning
    from agentd.budget.state_manager import StateManager as StateManager
    from agentd.budget.tracker import BudgetTracker as BudgetTracker
    from agentd.errors import BudgetExceeded as BudgetExceeded
    from agentd.errors import ParseError as ParseError
    from agentd.errors import UnsupportedModel as UnsupportedModel
    from agentd.ledger.store import StateStore as StateStore
    from agentd.metering.models import ModelRegistry as ModelRegistry
    from agentd.metering.models import ModelSpec as ModelSpec
    from agentd.metering.quote import calculate_cost as calculate_cost
    from agentd.metering.rates import PricingConfig as PricingConfig
    from agentd.metering.tokens import count_tokens as count_tokens
    from agentd.metering.usage import UsageMetrics as UsageMetrics
    from agentd.providers import LlmProvider as LlmProvider
    from agentd.providers.output import parse_usage_from_output as parse_usage_from_output
    from agentd.runner.result import RunResult as RunResult
    from agentd.runner.run import RunRequest as RunRequest
    from agentd.runner.run import ScriptRunner as ScriptRunner

_NAMES = {
    "budget.cost_metrics": ("CostMetrics",),
    "budget.metrics": ("publish_cost_metrics",),
    "budget.state_manager": ("StateManager",),
    "budget.monitor": ("BudgetMonitor", "BudgetWarning", "check_threshold", "log_budget_warning"),
    "budget.tracker": ("BudgetTracker",),
    "errors": ("BudgetExceeded", "ParseError", "UnsupportedModel"),
    "ledger.store": ("StateStore",),
    "metering.models": ("ModelRegistry", "ModelSpec"),
    "metering.quote": ("calculate_cost",),
    "metering.rates": ("PricingConfig",),
    "metering.tokens": ("count_tokens",),
    "metering.usage": ("UsageMetrics",),
    "providers": ("LlmProvider",),
    "providers.output": ("parse_usage_from_output",),
    "runner.result": ("RunResult",),
    "runner.run": ("RunRequest", "ScriptRunner"),
}
_MODULES = {name: f"agentd.{module}" for module, names in _NAMES.items() for name in names}
__all__ = sorted(_MODULES)  # noqa: PLE0605 - a list


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'agentd' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
