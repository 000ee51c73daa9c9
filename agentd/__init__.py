"""agentd: spec-driven changes with coding CLIs, every call priced.

The public Python API; each name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentd.errors import ParseError
    from agentd.metering.pricing import PricingConfig, calculate_cost
    from agentd.metering.usage import UsageMetrics
    from agentd.runner.providers import LlmProvider, parse_usage_from_output
    from agentd.runner.script import RunRequest, RunResult, ScriptRunner
    from agentd.state.store import StateStore

__version__ = "0.1.0"

__all__ = [
    "LlmProvider",
    "ParseError",
    "PricingConfig",
    "RunRequest",
    "RunResult",
    "ScriptRunner",
    "StateStore",
    "UsageMetrics",
    "calculate_cost",
    "parse_usage_from_output",
]

_MODULES = {
    "LlmProvider": "agentd.runner.providers",
    "ParseError": "agentd.errors",
    "PricingConfig": "agentd.metering.pricing",
    "RunRequest": "agentd.runner.script",
    "RunResult": "agentd.runner.script",
    "ScriptRunner": "agentd.runner.script",
    "StateStore": "agentd.state.store",
    "UsageMetrics": "agentd.metering.usage",
    "calculate_cost": "agentd.metering.pricing",
    "parse_usage_from_output": "agentd.runner.providers",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module 'agentd' has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)
