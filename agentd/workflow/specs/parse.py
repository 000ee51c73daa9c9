"""Reading spec documents: OpenSpec's grammar, and the original agentd's ``### R1: Title``."""

from __future__ import annotations

from agentd.workflow.specs.deltas import parse_delta
from agentd.workflow.specs.mains import parse_main
from agentd.workflow.specs.model import (
    Delta,
    MainSpec,
    Problem,
    Removed,
    Renamed,
    Requirement,
    Scenario,
    SpecError,
)

__all__ = [
    "Delta",
    "MainSpec",
    "Problem",
    "Removed",
    "Renamed",
    "Requirement",
    "Scenario",
    "SpecError",
    "parse_delta",
    "parse_main",
]
