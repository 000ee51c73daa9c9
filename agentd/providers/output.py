"""A CLI's whole output, of whatever format: the JSON objects in it, and the usage they tell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from agentd.errors import ParseError
from agentd.json_value import json_value, sound_text
from agentd.late_pattern import late_pattern
from agentd.metering.usage import UsageMetrics
from agentd.providers import PROVIDERS, LlmProvider
from agentd.providers.base import Cli, Parsed

_DECODER = json.JSONDecoder(parse_float=Decimal)
_DOCUMENT = late_pattern(r"^[ \t]*(?=[{\[])", re.MULTILINE)


def parse_output(output: str, cli: Cli) -> Parsed:
    """Read a whole output of any format (json, stream-json, with noise before or between).

    Raises ParseError when a usage block is malformed.
    """
    parsed = Parsed()
    for reading in (events, documents):
        parser = cli.new_parser()
        for event in reading(output):
            parser.feed(event)
        parsed = parser.parsed()
        if parsed.usage is not None:
            break
    return parsed


def parse_usage_from_output(output: str, provider: LlmProvider) -> UsageMetrics:
    """The usage that a CLI's stdout shows, inclusive, by model.

    Of a run that was cut it is what had been seen. Of a codex thread that was resumed it is the
    thread's running total. Raises ParseError when there is none, or it is malformed, TypeError for
    a provider that is no LlmProvider.
    """
    if not isinstance(provider, LlmProvider):
        raise TypeError(f"provider is {provider!r}; expected an LlmProvider")
    usage = parse_output(output, PROVIDERS[provider.value].cli()).usage
    if usage is None:
        raise ParseError(
            f"no usage in the output of {provider.value}",
            fix="Text mode prints none; run the CLI with its JSON output format.",
        )
    return usage


def events(output: str) -> Iterator[Mapping[str, Any]]:
    """The objects of JSON lines, and of one-line arrays; whatever else a line holds is noise."""
    for line in output.split("\n"):
        start = 0 if line.startswith("[") else line.find("{")
        if start >= 0:
            try:
                value = json_value(line[start:], exact=True)
            except ValueError:  # noise, a part of a document, or a cut last line
                continue
            yield from _objects(value)


def documents(output: str) -> Iterator[Mapping[str, Any]]:
    """The objects of JSON documents that start a line and run over many, with noise between."""
    output, position = sound_text(output), 0
    while match := _DOCUMENT.search(output, position):
        try:
            value, position = _DECODER.raw_decode(output, match.end())
        except (ValueError, ArithmeticError, RecursionError):
            position = match.end() + 1
        else:
            yield from _objects(value)


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, Mapping):
            yield item
