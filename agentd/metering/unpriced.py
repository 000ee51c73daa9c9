"""Whether a cost is missing: the one place that decides what "unpriced" means."""

from __future__ import annotations

from agentd.metering.local import is_local


def is_unpriced(model: str, cost_source: str, tokens: int) -> bool:
    """Whether ``tokens``, all input and output, were used that no price was known for.

    A cost of 0 is then not what they cost. A local model needs no price: it costs nothing.
    """
    return cost_source == "none" and tokens > 0 and not is_local(model)
