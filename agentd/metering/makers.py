"""Who makes a model, and who serves it, as far as its name tells."""

from __future__ import annotations

import re
from typing import NamedTuple

from agentd.late_pattern import late_pattern
from agentd.metering.names import CLAUDE_ALIASES, GEMINI_ALIASES
from agentd.metering.openai_models import is_openai
from agentd.metering.words import Accuracy


class Family(NamedTuple):
    """Models of one maker that are counted alike; ``accuracy`` is that of such a count.

    Their names begin with one of ``prefixes``, or are one of the ``aliases`` of a CLI.
    """

    provider: str
    tokenizer: str
    accuracy: Accuracy
    prefixes: tuple[str, ...]
    aliases: tuple[str, ...] = ()


class ReadName(NamedTuple):
    """A model's name taken apart.

    ``host`` is who serves it, "" when nobody but the maker is named; ``namespace`` the maker named
    in front, "" for none, "unknown" for a name that says nothing here; ``bare`` the rest.
    ``written`` is the name as its host knows it, maker and region included; ``region`` is that of
    Amazon Bedrock ("us", "us-gov", "global"), "" for none.
    """

    host: str
    namespace: str
    bare: str
    written: str
    region: str = ""


# Names in front of a model that say who made it.
MAKERS = {
    "ai21": "ai21",
    "alibaba": "qwen",
    "amazon": "amazon",
    "anthropic": "anthropic",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "deepseek-ai": "deepseek",
    "gemini": "google",
    "google": "google",
    "meta": "meta",
    "meta-llama": "meta",
    "microsoft": "microsoft",
    "minimax": "minimax",
    "minimaxai": "minimax",
    "mistral": "mistral",
    "mistralai": "mistral",
    "models": "google",  # models/gemini-2.5-pro, as the Gemini API writes it
    "moonshotai": "moonshotai",
    "nvidia": "nvidia",
    "openai": "openai",
    "perplexity": "perplexity",
    "qwen": "qwen",
    "voyageai": "voyageai",
    "x-ai": "x-ai",
    "xai": "x-ai",
    "z-ai": "zai",
    "zai": "zai",
    "zai-org": "zai",
}

# Names in front of a model that say who serves it, and the price catalogue's name of them.
HOSTS = {
    "azure": "azure",
    "bedrock": "aws",
    "cerebras": "cerebras",
    "cloudflare": "cloudflare",
    "databricks": "databricks",
    "fireworks_ai": "fireworks",
    "github_copilot": "github-copilot",
    "groq": "groq",
    "novita": "novita",
    "ollama": "",
    "openrouter": "openrouter",
    "together_ai": "together",
    "vertex_ai": "google",
}

_CLAUDE_4 = ("claude-opus-4", "claude-sonnet-4", "claude-haiku-4")
_SINCE_4_7 = tuple(
    f"{name}{sep}{minor}" for name in _CLAUDE_4 for sep in "-." for minor in range(7, 20)
)
_TO_CLAUDE_3 = ("claude-instant", "claude-v", "claude-1", "claude-2.", "claude-3", "claude-4-")

FAMILIES = (
    # Opus 4.7 came with a new tokenizer (docs/estimates.md); what is older is counted as Claude 3.
    Family("anthropic", "claude-estimate", "family", _SINCE_4_7),
    Family("anthropic", "claude-3-estimate", "family", _TO_CLAUDE_3, ("claude-2",)),
    Family("anthropic", "claude-3-estimate", "family", _CLAUDE_4),
    Family("anthropic", "claude-estimate", "family", ("claude",), CLAUDE_ALIASES),
    Family("google", "gemini-estimate", "family", ("gemini", "gemma"), GEMINI_ALIASES),
    Family("google", "gemini-estimate", "family", ("auto-gemini", "learnlm")),
    Family("meta", "llama-estimate", "family", ("llama", "codellama", "meta-llama")),
    Family("meta", "generic-estimate", "heuristic", ("muse-",)),
    Family("mistral", "mistral-estimate", "family", ("mistral", "mixtral", "open-mi", "codestral")),
    Family("mistral", "mistral-estimate", "family", ("devstral", "magistral", "mathstral")),
    Family("mistral", "mistral-estimate", "family", ("ministral", "pixtral", "voxtral")),
    Family("deepseek", "generic-estimate", "heuristic", ("deepseek",)),
    Family("qwen", "generic-estimate", "heuristic", ("qwen", "qwq", "qvq")),
    Family("x-ai", "generic-estimate", "heuristic", ("grok",)),
    Family("moonshotai", "generic-estimate", "heuristic", ("kimi", "moonshot")),
    Family("zai", "generic-estimate", "heuristic", ("glm-",)),
    Family("minimax", "generic-estimate", "heuristic", ("minimax",)),
    Family("cohere", "generic-estimate", "heuristic", ("command", "c4ai", "aya-")),
    Family("perplexity", "generic-estimate", "heuristic", ("sonar", "pplx-")),
    Family("amazon", "generic-estimate", "heuristic", ("nova-", "titan-")),
    Family("microsoft", "generic-estimate", "heuristic", ("phi-", "wizardlm")),
    Family("ai21", "generic-estimate", "heuristic", ("jamba",)),
    Family("voyageai", "generic-estimate", "heuristic", ("voyage-",)),
    Family("nvidia", "generic-estimate", "heuristic", ("nemotron",)),
)
UNKNOWN = Family("unknown", "generic-estimate", "heuristic", ())

_BEDROCK = late_pattern(
    r"(?:(?P<region>us-gov|global|[a-z]{2,4})\.)?"
    r"(?P<maker>ai21|amazon|anthropic|cohere|deepseek|google|meta|minimax|mistral|moonshotai|nvidia"
    r"|openai|qwen|zai)\.(?P<bare>[a-z].*)",
    re.DOTALL,
)
_BEDROCK_ARN = late_pattern(
    r"arn:aws[a-z-]*:bedrock:[^/]*:(?:[0-9]*:)?(?:inference-profile|foundation-model)/"
)


def read_name(name: str) -> ReadName:
    """Take a name apart: ``openrouter/openai/gpt-4o``, ``us.anthropic.claude-opus-4-5-v1:0``."""
    short = _BEDROCK_ARN.sub("", name.strip().lower(), count=1)
    *heads, bare = (part.strip() for part in short.split("/"))
    host = heads.pop(0) if heads and heads[0] in HOSTS else ""
    written = "/".join((*heads, bare))
    if not all(head in MAKERS for head in heads):
        return ReadName(host, "unknown", bare, written)
    if heads:
        return ReadName(host, MAKERS[heads[-1]], bare, written)
    if host in {"", "bedrock"} and (match := _BEDROCK.fullmatch(bare)):
        maker, region = MAKERS[match["maker"]], match["region"] or ""
        return ReadName("bedrock", maker, match["bare"], written, region)
    return ReadName(host, "", bare, written)


def provider_of(name: str) -> str:
    """Who makes the model: "openai", "anthropic", ... or "unknown"."""
    read = read_name(name)
    return "openai" if by_openai(read) else model_family_of(read).provider


def by_openai(read: ReadName) -> bool:
    """Whether OpenAI makes it: the name says so, or is one of theirs and names nobody else."""
    return read.namespace == "openai" or (
        read.namespace in {"", "unknown"} and is_openai(read.bare)
    )


def model_family_of(read: ReadName) -> Family:
    """The family of a model that isn't OpenAI's; UNKNOWN's when neither maker nor name tells.

    The maker named in front decides, but a host's or Google's name may stand before any model.
    """
    anyone = read.namespace in {"", "unknown"}
    alias = "" if read.host else read.bare.removesuffix("[1m]")  # openrouter/auto is no Gemini
    for family in FAMILIES:
        if (read.bare.startswith(family.prefixes) or alias in family.aliases) and (
            anyone or read.namespace in {"google", family.provider}
        ):
            return family
    own = next((family for family in FAMILIES if family.provider == read.namespace), UNKNOWN)
    if own.provider in {"anthropic", "google", "mistral"}:  # counts all it makes alike
        return own
    return UNKNOWN if anyone else UNKNOWN._replace(provider=read.namespace)
