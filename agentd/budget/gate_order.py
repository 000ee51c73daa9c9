"""What a run may spend, as it is handed to the process of its relay."""

from __future__ import annotations

import base64
import pickle
from datetime import datetime
from pathlib import Path
from typing import cast

from agentd.budget.account import Account, Amount
from agentd.config.model import ProjectBudget
from agentd.frozen import frozen
from agentd.metering.pricing import PriceBook
from agentd.project.layout import Project


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
