"""What gemini says was used: stream-json, json mode and the session log each have their names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentd.metering.usage import ModelUsage
from agentd.providers.fields import has_tokens, mapping, tokens


def read_usage(block: Mapping[str, Any]) -> ModelUsage:
    """A usage block of any of the three forms. Raises ParseError when it is malformed.

    Json mode has the counts in ``tokens``; its ``roles`` repeat the figures and are left alone.
    """
    counts = _counts(block)
    return _streamed(counts) if "input_tokens" in counts else _told_apart(counts)


def is_unsure(block: Mapping[str, Any]) -> bool:
    """Whether a block's total holds tokens of which nobody told what they were."""
    counts = _counts(block)
    if "input_tokens" in counts:
        return _is_total_only(counts)
    return _unexplained(counts) > 0


def has_rest(block: Mapping[str, Any]) -> bool:
    """Whether a block's total holds thoughts or prompts of tools that it does not tell apart."""
    counts = _counts(block)
    return "input_tokens" in counts and read_usage(counts).reasoning_output_tokens > 0


def _counts(block: Mapping[str, Any]) -> Mapping[str, Any]:
    if "tokens" in block:
        return has_tokens(mapping(block["tokens"]), "prompt", "candidates")
    # Stream-json has an ``input`` too: what was not cached.
    return block if "output" in block else has_tokens(block, "input_tokens", "output_tokens")


def _told_apart(usage: Mapping[str, Any]) -> ModelUsage:
    """The counts that name thoughts and tools: ``prompt`` (json mode) or ``input`` (the log).

    Requests of which only a total is known are in the total alone: their tokens count as input.
    """
    names = ("prompt", "candidates") if "prompt" in usage else ("input", "output")
    given, answered = (tokens(usage, name) for name in names)
    thoughts = tokens(usage, "thoughts")
    return ModelUsage(
        input_tokens=given + tokens(usage, "tool") + _unexplained(usage),
        output_tokens=answered + thoughts,
        cache_read_input_tokens=tokens(usage, "cached"),
        reasoning_output_tokens=thoughts,
    )


def _unexplained(usage: Mapping[str, Any]) -> int:
    names = ("prompt", "candidates") if "prompt" in usage else ("input", "output")
    parts = sum(tokens(usage, name) for name in (*names, "thoughts", "tool"))
    return max(0, tokens(usage, "total") - parts)


def _streamed(usage: Mapping[str, Any]) -> ModelUsage:
    """The form of stream-json, which leaves thoughts out of its output and names them nowhere.

    Thoughts and the prompts of server-side tools are the rest of the total. Such prompts are rare,
    so the rest counts as reasoning; the session log tells them apart.
    """
    given, answered = tokens(usage, "input_tokens"), tokens(usage, "output_tokens")
    if _is_total_only(usage):
        return ModelUsage(input_tokens=tokens(usage, "total_tokens"))
    thoughts = max(0, tokens(usage, "total_tokens") - given - answered)
    return ModelUsage(
        input_tokens=given,
        output_tokens=answered + thoughts,
        cache_read_input_tokens=tokens(usage, "cached"),
        reasoning_output_tokens=thoughts,
    )


def _is_total_only(usage: Mapping[str, Any]) -> bool:
    parts = tokens(usage, "input_tokens") + tokens(usage, "output_tokens")
    return not parts and tokens(usage, "total_tokens") > 0
