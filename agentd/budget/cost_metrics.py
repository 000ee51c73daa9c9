"""How a budget stood after a cost: the value that is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any

from agentd.frozen import frozen
from agentd.metering.money import decimal_text


@frozen(kw_only=True, guarded=True)
class CostMetrics:
    """A budget as it stood after a cost of ``agent_id``.

    ``total_spent``, ``budget_limit`` and ``last_cost`` are in USD, ``percentage_used`` is a share
    from 0.0 to 1.0, ``timestamp`` in milliseconds since 1970, UTC.
    """

    agent_id: str
    total_spent: Decimal
    budget_limit: Decimal
    percentage_used: float
    last_cost: Decimal
    timestamp: int

    def as_dict(self) -> dict[str, Any]:
        """The same for ``json.dumps``: amounts are texts with every digit, such as "45.12"."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            name: decimal_text(value) if isinstance(value, Decimal) else value
            for name, value in told.items()
        }


def from_dict(told: Mapping[str, Any]) -> CostMetrics:
    """What :meth:`CostMetrics.as_dict` gave."""
    amounts = ("total_spent", "budget_limit", "last_cost")
    return CostMetrics(**{**told, **{name: Decimal(told[name]) for name in amounts}})
