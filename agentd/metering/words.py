"""The words of a call: how it ended, and how sure its figures are."""

from __future__ import annotations

from typing import Literal

CallStatus = Literal["ok", "failed", "timeout", "cancelled", "budget_stopped", "interrupted"]
CostSource = Literal["config", "reported", "catalog", "local", "none"]
"""Where a price comes from; local: a server of one's own without a price, which nobody bills."""
Accuracy = Literal["exact", "family", "heuristic"]
UsageSource = Literal["wire", "telemetry", "stdout", "session_log", "partial", "estimated"]
MANUAL = "manual"
"""The step of a call that is no run of agentd's: what a person did in a CLI, imported."""
