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
    if "tokens" in block:
        return _told_apart(has_tokens(mapping(block["tokens"]), "prompt", "candidates"))
    # Stream-json has an ``input`` too: what was not cached.
    return _told_apart(block) if "output" in block else _streamed(block)


def _told_apart(usage: Mapping[str, Any]) -> ModelUsage:
    """The counts that name thoughts and tools: ``prompt`` (json mode) or ``input`` (the log)."""
    names = ("prompt", "candidates") if "prompt" in usage else ("input", "output")
    given, answered = (tokens(usage, name) for name in names)
    thoughts = tokens(usage, "thoughts")
    return ModelUsage(
        input_tokens=given + tokens(usage, "tool"),
        output_tokens=answered + thoughts,
        cache_read_input_tokens=tokens(usage, "cached"),
        reasoning_output_tokens=thoughts,
    )


def _streamed(usage: Mapping[str, Any]) -> ModelUsage:
    """The form of stream-json, which leaves thoughts out of its output and names them nowhere.

    Thoughts and the prompts of server-side tools are the rest of the total. Such prompts are rare,
    so the rest counts as reasoning; the session log tells them apart.
    """
    has_tokens(usage, "input_tokens", "output_tokens")
    given, answered = tokens(usage, "input_tokens"), tokens(usage, "output_tokens")
    thoughts = max(0, tokens(usage, "total_tokens") - given - answered)
    return ModelUsage(
        input_tokens=given,
        output_tokens=answered + thoughts,
        cache_read_input_tokens=tokens(usage, "cached"),
        reasoning_output_tokens=thoughts,
    )
