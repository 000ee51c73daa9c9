"""What a cost is: known, a bound, that of a server of one's own, or missing."""

from __future__ import annotations

from typing import Literal

from agentd.metering.call import CallRecord, PricedModel
from agentd.metering.partial import PARTIAL, bound, is_estimate
from agentd.metering.unpriced import is_unpriced, ran_locally

CostStatus = Literal["known", "at least", "about", "local", "unpriced", "unknown"]
"""What a cost is: known, a bound, that of a server of one's own, or missing.

``unpriced``: tokens were used that no price is known for; ``unknown``: nothing was told of them.
"""

MISSING = ("unpriced", "unknown")
"""Where the 0 of the ledger stands for no amount."""


def status_of(call: CallRecord) -> CostStatus:
    """What the cost of a whole call is; without the price of a part of it, it is ``at least``."""
    status = share_status(call, call)
    parts = {share_status(call, share) for share in call.models}
    if status == "known" and "unpriced" in parts:
        return "at least"
    return "unpriced" if status == "local" and "unpriced" in parts else status


def share_status(call: CallRecord, share: CallRecord | PricedModel) -> CostStatus:
    """What the cost of one of a call's shares is, or of all of it."""
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
