"""The coding CLIs agentd can drive. A new one is one file here and one line in ``PROVIDERS``."""

from __future__ import annotations

from enum import Enum

from agentd.errors import ParseError
from agentd.metering.usage import UsageMetrics
from agentd.providers.base import Parsed, Provider
from agentd.providers.claude.cli import CLAUDE
from agentd.providers.codex.cli import CODEX
from agentd.providers.gemini.cli import GEMINI
from agentd.providers.output import documents, events

PROVIDERS: dict[str, Provider] = {"claude": CLAUDE, "codex": CODEX, "gemini": GEMINI}


class LlmProvider(Enum):
    """The providers, for the Python API."""

    CLAUDE = "claude"
    CODEX = "codex"
    GEMINI = "gemini"


def maker_of(provider: str | None) -> str | None:
    """Who makes the models of a provider; "" when that is not known, None without a provider."""
    row = PROVIDERS.get(provider or "")
    return row.maker if row else provider and ""


def parse_output(output: str, provider: Provider) -> Parsed:
    """Read a whole output of any format (json, stream-json, with noise before or between).

    Raises ParseError when a usage block is malformed.
    """
    parsed = Parsed()
    for reading in (events, documents):
        parser = provider.new_parser()
        for event in reading(output):
            parser.feed(event)
        parsed = parser.parsed()
        if parsed.usage is not None:
            break
    return parsed


def parse_usage_from_output(output: str, provider: LlmProvider) -> UsageMetrics:
    """The usage that a CLI's stdout shows, inclusive, by model.

    Of a run that was cut it is what had been seen. Of a codex thread that was resumed it is the
    thread's running total. Raises ParseError when there is none, or it is malformed.
    """
    usage = parse_output(output, PROVIDERS[provider.value]).usage
    if usage is None:
        raise ParseError(
            f"no usage in the output of {provider.value}",
            fix="Text mode prints none; run the CLI with its JSON output format.",
        )
    return usage
