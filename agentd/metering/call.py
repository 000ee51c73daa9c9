"""One call as it stands in the ledger: one run of a CLI, measured and priced."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from agentd.frozen import frozen
from agentd.metering.bounds import holds_usd
from agentd.metering.usage import ModelUsage, add
from agentd.metering.words import Accuracy, CallStatus, CostSource, UsageSource

_TOO_DEAR = "its price makes it dearer than any call can be"


@frozen(kw_only=True)
class PricedModel:
    """What one model of a call used and cost; ``cost_usd`` is 0 when ``cost_source`` is none.

    ``threads`` says what other threads than the main one have of it (``metering.call_threads``).
    """

    model: str
    usage: ModelUsage
    cost_usd: Decimal
    cost_source: CostSource
    threads: str | None = None

    @property
    def tokens_in(self) -> int:
        """All input."""
        return self.usage.input_tokens

    @property
    def tokens_out(self) -> int:
        """All output."""
        return self.usage.output_tokens


@frozen(kw_only=True)
class CallRecord:
    """A call, priced: what STATE.yaml keeps of it (contract: ``telemetry.calls``).

    ``id`` is unique: recording it twice enters it once. ``started_at`` is UTC, None when
    the original agentd wrote the entry without it; so is ``duration_ms``. ``models`` is empty
    unless several models answered. ``cost_source`` is "none" when no part of it has a price.
    ``why`` says what is not known when ``accuracy`` is not exact, ``requests`` how many API
    requests the run made, None where that is not known. ``budget`` is "overridden" when a person
    let the call go beyond a limit. ``threads`` says what other threads than the main one used,
    where one model answered; else the ``models`` do. ``amended`` is when its figures were corrected
    (UTC), None where they are as they were entered.
    """

    id: str
    step: str
    provider: str | None
    model: str
    status: CallStatus
    usage: ModelUsage
    cost_usd: Decimal
    cost_source: CostSource
    accuracy: Accuracy
    usage_source: UsageSource
    duration_ms: int | None
    started_at: datetime | None
    session_id: str | None = None
    budget: Literal["overridden"] | None = None
    why: str | None = None
    requests: int | None = None
    threads: str | None = None
    models: tuple[PricedModel, ...] = ()
    amended: datetime | None = None

    @property
    def tokens_in(self) -> int:
        """All input."""
        return self.usage.input_tokens

    @property
    def tokens_out(self) -> int:
        """All output."""
        return self.usage.output_tokens

    def held(self) -> CallRecord:
        """The call as the ledger can hold it: without a cost that is beyond all bounds."""
        if all(map(holds_usd, (self.cost_usd, *(part.cost_usd for part in self.models)))):
            return self
        return replace(
            self,
            cost_usd=Decimal(0),
            cost_source="none",
            accuracy="heuristic",
            why="; ".join(filter(None, (self.why, _TOO_DEAR))),
            models=tuple(
                replace(part, cost_usd=Decimal(0), cost_source="none", threads=None)
                for part in self.models
            ),
            threads=None,
        )

    def usage_by_model(self) -> dict[str, ModelUsage]:
        """What each model used, at whichever of its prices."""
        parts: dict[str, list[ModelUsage]] = {}
        for share in self.shares():
            parts.setdefault(share.model, []).append(share.usage)
        return {model: add(usages) for model, usages in parts.items()}

    def shares(self) -> tuple[CallRecord] | tuple[PricedModel, ...]:
        """What each of its models has of it; itself as the only one, when one model answered."""
        return self.models or (self,)
