"""The columns of FOCUS that agentd fills, and what a charge has in each.

Source: the Cost and Usage columns of https://focus.finops.org, versions 1.2 and 1.4.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from agentd.clock import ended_at
from agentd.metering.variants import as_text
from agentd.periods import midnight, span
from agentd.reports.export.charges import Charge
from agentd.reports.export.focus.entities import Entities

UNIT = "Tokens"


class Context(NamedTuple):
    """A charge with what its columns need besides; ``began_at`` is UTC."""

    charge: Charge
    entities: Entities
    project: str
    billing_account: str
    began_at: datetime


Column = Callable[[Context], object]


def _cost(of: Context) -> object:
    return of.charge.cost_usd


def _tokens(of: Context) -> object:
    return of.charge.share.usage.total_tokens


def _seller(of: Context) -> object:
    return of.entities.seller


def _month(of: Context, edge: int) -> datetime:
    day = span(of.began_at.date(), "month")[edge]
    return datetime.fromtimestamp(midnight(day, UTC), UTC)


def _ended_at(of: Context) -> datetime:
    """In whole seconds. The end is exclusive, so a call takes one at least."""
    end = ended_at(of.began_at, of.charge.call.duration_ms)
    seconds = -(-(end - of.began_at) // timedelta(seconds=1))
    return of.began_at + timedelta(seconds=max(1, seconds))


def _description(of: Context) -> str:
    charge, usage = of.charge, of.charge.share.usage
    told = f"{charge.call.step} of {charge.change_id}: {charge.share.model}"
    told += f", {usage.input_tokens} tokens in, {usage.output_tokens} out"
    return told if charge.status == "known" else f"{told} ({charge.status})"


def _tags(of: Context) -> str:
    call = of.charge.call
    tags = {"change": of.charge.change_id, "project": of.project, "step": call.step}
    return json.dumps(tags, ensure_ascii=False)


_COMMON: Mapping[str, Column] = {
    "BilledCost": _cost,
    "BillingAccountId": lambda of: of.billing_account,
    "BillingAccountName": lambda of: of.project,
    "BillingCurrency": lambda of: "USD",
    "BillingPeriodEnd": lambda of: _month(of, 1),
    "BillingPeriodStart": lambda of: _month(of, 0),
    "ChargeCategory": lambda of: "Usage",
    "ChargeClass": lambda of: None,
    "ChargeDescription": _description,
    "ChargeFrequency": lambda of: "Usage-Based",
    "ChargePeriodEnd": _ended_at,
    "ChargePeriodStart": lambda of: of.began_at,
    "ConsumedQuantity": _tokens,
    "ConsumedUnit": lambda of: UNIT,
    "ContractedCost": _cost,
    "EffectiveCost": _cost,
    "InvoiceIssuerName": _seller,
    "ListCost": _cost,
    "PricingQuantity": _tokens,
    "PricingUnit": lambda of: UNIT,
    "ServiceCategory": lambda of: "AI and Machine Learning",
    "ServiceName": lambda of: f"{of.entities.seller} API",
    "ServiceSubcategory": lambda of: "Generative AI",
    "SkuId": lambda of: of.charge.share.model,
    "SkuMeter": lambda of: UNIT,
    "Tags": _tags,
}
_CUSTOM: Mapping[str, Column] = {
    "x_CallId": lambda of: of.charge.call.id or None,
    "x_ChangeId": lambda of: of.charge.change_id,
    "x_Step": lambda of: of.charge.call.step,
    "x_Agent": lambda of: of.charge.call.provider,
    "x_CallStatus": lambda of: of.charge.call.status,
    "x_InputTokens": lambda of: of.charge.share.usage.input_tokens,
    "x_OutputTokens": lambda of: of.charge.share.usage.output_tokens,
    "x_CacheReadTokens": lambda of: of.charge.share.usage.cache_read_input_tokens,
    "x_CacheWriteTokens": lambda of: of.charge.share.usage.cache_creation_input_tokens,
    "x_ReasoningTokens": lambda of: of.charge.share.usage.reasoning_output_tokens,
    "x_WebSearches": lambda of: of.charge.share.usage.web_searches,
    "x_PriceVariant": lambda of: as_text(of.charge.share.usage.variants) or None,
    "x_CostSource": lambda of: of.charge.share.cost_source,
    "x_CostStatus": lambda of: of.charge.status,
    "x_CostNote": lambda of: of.charge.call.why,
    "x_SessionId": lambda of: of.charge.call.session_id,
}
_OF_VERSION: Mapping[str, Mapping[str, Column]] = {
    "1.2": {"ProviderName": _seller, "PublisherName": lambda of: of.entities.publisher},
    "1.4": {"HostProviderName": lambda of: of.entities.host, "ServiceProviderName": _seller},
}


def columns_of(version: str) -> dict[str, Column]:
    """The columns of a version, FOCUS's own in the order of the alphabet, then agentd's."""
    own = {**_COMMON, **_OF_VERSION[version]}
    return {**{name: own[name] for name in sorted(own)}, **_CUSTOM}
