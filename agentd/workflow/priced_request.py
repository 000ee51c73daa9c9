"""The requests of a call, each with its price by itself."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from agentd.frozen import frozen
from agentd.meter.logged_requests import requests_of_run
from agentd.metering.call import CallRecord
from agentd.metering.cost_status import CostStatus
from agentd.metering.pricing import PriceBook
from agentd.metering.requests import ApiRequest, usage_of_run
from agentd.metering.words import CostSource
from agentd.providers import maker_of


@frozen(kw_only=True)
class RequestOfCall:
    """A request with its price by itself; ``cost_usd`` is None where no price is known.

    ``cost_source`` is where its price comes from.
    """

    request: ApiRequest
    cost_usd: Decimal | None
    cost_source: CostSource

    @property
    def duration_ms(self) -> int | None:
        """From its begin to the end of its answer; None where nobody can tell.

        A clock that was set back meanwhile makes it negative.
        """
        begun, ended = self.request.started_at, self.request.ended_at
        if begun is None or ended is None or ended < begun:
            return None
        return round((ended - begun).total_seconds() * 1000)

    @property
    def cost_status(self) -> CostStatus:
        """How sure its price is, in the words for calls."""
        if self.cost_usd is None:
            return "unpriced"
        if self.cost_source == "local":
            return "local"
        if self.request.exact:
            return "known"
        return "about" if "input_tokens" in self.request.estimated else "at least"

    @property
    def is_rest(self) -> bool:
        """Whether it stands for what a total of the CLI has beyond the requests told one by one."""
        one = self.request
        return one.id is None and one.started_at is None and one.ended and any(one.usage.counts())

    @property
    def end(self) -> str | None:
        """How it ended: a finish reason, ``cut``, or ``failed``; None when nobody told."""
        one = self.request
        if one.finish is not None:
            return one.finish
        if one.is_cut:
            return "cut"
        return None if one.id or any(one.usage.counts()) else "failed"


def priced_requests(call: CallRecord, folder: Path, prices: PriceBook) -> tuple[RequestOfCall, ...]:
    """The requests that the folder of a call's run tells of; none where it is not there."""
    named = (replace(one, model=one.model or call.model) for one in requests_of_run(folder))
    return tuple(_priced(one, call, prices) for one in named)


def _priced(request: ApiRequest, call: CallRecord, prices: PriceBook) -> RequestOfCall:
    """One request of a call by itself, at the prices of the call's begin."""
    at = call.started_at or request.started_at
    if at is None:
        return RequestOfCall(request=request, cost_usd=None, cost_source="none")
    priced = prices.price(
        usage_of_run([request]), maker=maker_of(call.provider), model=request.model, at=at
    )
    is_missing = priced.cost_source == "none" and priced.unpriced
    return RequestOfCall(
        request=request,
        cost_usd=None if is_missing else priced.cost_usd,
        cost_source=priced.cost_source,
    )
