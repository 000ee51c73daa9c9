"""Who made a model, who sold its use and who ran it, as far as a call tells."""

from __future__ import annotations

from typing import NamedTuple

from agentd.metering.makers import provider_of, read_name
from agentd.providers import PROVIDERS, maker_of
from agentd.reports.export.charges import Charge

OWN = "Self-hosted"
"""For what ran on a server of one's own, which nobody bills."""

_NAMES = {
    "ai21": "AI21 Labs",
    "amazon": "AWS",
    "anthropic": "Anthropic",
    "azure": "Microsoft",
    "bedrock": "AWS",
    "cohere": "Cohere",
    "deepseek": "DeepSeek",
    "google": "Google",
    "meta": "Meta",
    "microsoft": "Microsoft",
    "minimax": "MiniMax",
    "mistral": "Mistral AI",
    "moonshotai": "Moonshot AI",
    "nvidia": "NVIDIA",
    "openai": "OpenAI",
    "perplexity": "Perplexity",
    "qwen": "Alibaba",
    "vertex_ai": "Google",
    "voyageai": "Voyage AI",
    "x-ai": "xAI",
    "zai": "Z.ai",
}
"""The names of makers and hosts; others stand as the model's name has them."""


class Entities(NamedTuple):
    """``publisher`` made the model, ``seller`` makes it available and bills it, ``host`` runs it.

    What nobody tells is the name that the config has for the provider, else ``unknown``.
    """

    publisher: str
    seller: str
    host: str


def entities_of(charge: Charge) -> Entities:
    """Those of a charge."""
    if charge.status == "local":
        return Entities(OWN, OWN, OWN)
    maker, provider = maker_of(charge.call.provider), charge.call.provider
    read = read_name(charge.share.model)
    named = provider_of(charge.share.model)
    told = named if named != "unknown" else maker or provider or "unknown"
    publisher = _NAMES.get(told, told)
    if read.host:
        seller = _NAMES.get(read.host, read.host)
    elif maker == "" and provider and provider not in PROVIDERS:
        seller = provider  # an HTTP API has the name that its config gives it
    else:
        seller = publisher
    return Entities(publisher, seller, seller)
