"""A call as who uses the Python API gives it: its tokens, and one price for all of them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from agentd.metering.call import CallRecord, PricedModel
from agentd.metering.usage import ModelUsage, UsageMetrics, add
from agentd.metering.words import CallStatus, CostSource

if TYPE_CHECKING:
    from agentd.metering.rates import PricingConfig


def given_call(
    call_id: str,
    step: str,
    model: str,
    tokens: UsageMetrics,
    pricing: PricingConfig | None,
    *,
    provider: str | None,
    status: CallStatus,
    duration_ms: int,
    started_at: datetime,
) -> CallRecord:
    """The call priced by ``pricing``; None: it costs 0 and counts as unpriced."""
    source: CostSource = "config" if pricing else "none"

    def cost_usd(usage: ModelUsage) -> Decimal:
        return pricing.cost_usd(usage) if pricing else Decimal(0)

    models = tuple(
        PricedModel(model=name, usage=usage, cost_usd=cost_usd(usage), cost_source=source)
        for name, usage in tokens.by_model.items()
    )
    return CallRecord(
        id=call_id,
        step=step,
        provider=provider,
        model=model,
        status=status,
        usage=add([tokens]),
        cost_usd=cost_usd(tokens),
        cost_source=source,
        accuracy="exact",
        usage_source="stdout",
        duration_ms=duration_ms,
        started_at=started_at,
        session_id=tokens.session_id,
        models=models if len(models) > 1 else (),
    )
