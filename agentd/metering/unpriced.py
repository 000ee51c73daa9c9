"""Whether a cost is missing: the one place that decides what "unpriced" means."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache

from agentd.metering.money import usd

UNPRICED, UNKNOWN, LOCAL = "unpriced", "unknown", "(local)"

# ollama's tags (gpt-oss:20b, llama3.1:latest) and the prefixes of local servers. Amazon's version
# (anthropic.claude-sonnet-4-5-20250929-v1:0) is no such tag.
_LOCAL = (  # compiled for the first model without a price
    r"(?:ollama|ollama_chat|lmstudio|lm_studio|llamafile|vllm|local)/.*"
    r"|.*:(?:latest|e?\d+(?:\.\d+)?[bm](?:-.*)?)"
    r"|.*\.gguf"
)


@lru_cache(maxsize=1024)
def is_local(model: str) -> bool:
    """Whether a name is that of a model on the user's own machine, as local servers write it."""
    return bool(re.fullmatch(_LOCAL, model.strip().lower()))


def ran_locally(model: str, cost_source: str) -> bool:
    """Whether tokens cost nothing, as one's own machine made them; no price was given for it."""
    return cost_source == "local" or (cost_source == "none" and is_local(model))


def is_unpriced(model: str, cost_source: str, tokens: int) -> bool:
    """Whether ``tokens``, all input and output, were used that no price was known for.

    A cost of 0 is then not what they cost. A local model needs no price: it costs nothing.
    """
    return cost_source == "none" and tokens > 0 and not is_local(model)


def shown_cost(
    cost_usd: Decimal, *, unpriced: int, partial: int, tokens: int, local: bool = False
) -> str:
    """``$0.003500``: what calls cost, for people; a 0 that is not known to be one is told as such.

    UNPRICED where nothing but calls without a price used ``tokens``, UNKNOWN where no call has told
    what it used; ``unpriced`` and ``partial`` are how many calls are so. LOCAL where all of them
    were answered by servers of one's own, as ``local`` says: nobody bills these.
    """
    if local and not (cost_usd or unpriced):
        return LOCAL
    if cost_usd or not (unpriced or partial):
        return usd(cost_usd)
    if unpriced:
        return UNPRICED
    return usd(cost_usd) if tokens else UNKNOWN
