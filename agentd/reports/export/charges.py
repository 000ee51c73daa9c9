"""What each model of a call cost, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal, localcontext
from typing import NamedTuple

from agentd.metering.call import CallRecord, PricedModel
from agentd.metering.cost_status import MISSING, CostStatus, share_status
from agentd.metering.money import EXACT
from agentd.reports.export.calls import ExportedCall


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
        yield Charge(one.change_id, call, share, share_status(call, share))


def _sum(shares: Sequence[CallRecord | PricedModel]) -> tuple[int, int, Decimal]:
    with localcontext(EXACT):
        return (
            sum(share.tokens_in for share in shares),
            sum(share.tokens_out for share in shares),
            sum((share.cost_usd for share in shares), Decimal(0)),
        )
