"""What each model of a call cost, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal, localcontext
from typing import Literal, NamedTuple

from agentd.metering.call import CallRecord, PricedModel
from agentd.metering.money import EXACT
from agentd.metering.partial import PARTIAL, bound, is_estimate
from agentd.metering.unpriced import is_unpriced, ran_locally
from agentd.reports.export.calls import ExportedCall

CostStatus = Literal["known", "at least", "about", "local", "unpriced", "unknown"]
"""What a cost is: known, a bound, that of a server of one's own, or missing.

``unpriced``: tokens were used that no price is known for; ``unknown``: nothing was told of them.
"""

MISSING = ("unpriced", "unknown")
"""Where the 0 of the ledger stands for no amount."""


class Charge(NamedTuple):
    """What one model has of a call: all of it, unless several models answered."""

    change_id: str
    call: CallRecord
    share: CallRecord | PricedModel
    status: CostStatus

    @property
    def cost_usd(self) -> Decimal | None:
        """None where it is missing."""
        return None if self.status in MISSING else self.share.cost_usd


def charges_of(one: ExportedCall) -> Iterator[Charge]:
    """The charges of a call; one for all of it where its parts don't add up to it."""
    call = one.call
    shares: Sequence[CallRecord | PricedModel] = call.shares()
    if _sum(shares) != _sum([call]):
        shares = (call,)
    for share in shares:
        yield Charge(one.change_id, call, share, _status(call, share))


def status_of(call: CallRecord) -> CostStatus:
    """What the cost of a whole call is; without the price of a part of it, it is ``at least``."""
    status = _status(call, call)
    parts = {_status(call, share) for share in call.models}
    if status == "known" and "unpriced" in parts:
        return "at least"
    return "unpriced" if status == "local" and "unpriced" in parts else status


def _status(call: CallRecord, share: CallRecord | PricedModel) -> CostStatus:
    tokens = share.tokens_in + share.tokens_out
    if ran_locally(share.model, share.cost_source) and not share.cost_usd:
        return "local"
    if is_unpriced(share.model, share.cost_source, tokens):
        return "unpriced"
    partial = call.accuracy == PARTIAL
    if partial and not tokens and not share.cost_usd:
        return "unknown"
    estimated = is_estimate(call.accuracy, call.why, call.tokens_in + call.tokens_out)
    return bound(partial, estimated) or "known"


def _sum(shares: Sequence[CallRecord | PricedModel]) -> tuple[int, int, Decimal]:
    with localcontext(EXACT):
        return (
            sum(share.tokens_in for share in shares),
            sum(share.tokens_out for share in shares),
            sum((share.cost_usd for share in shares), Decimal(0)),
        )
