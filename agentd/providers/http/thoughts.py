"""What a model thinks before it answers: apart from the answer, or at its beginning. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agentd.late_pattern import late_pattern
from agentd.metering.dialects.fields import items, mapping, text

# What a server without a parser for a model's thoughts leaves at the beginning of an answer: within
# the marks of its model. Where the model's template begins them, as that of DeepSeek-R1, only their
# end stands there.
_MARKS = (
    *((f"<{name}>", f"</{name}>") for name in ("think", "thinking", "thought", "reasoning")),
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
    ("[THINK]", "[/THINK]"),  # Magistral
    ("\u25c1think\u25b7", "\u25c1/think\u25b7"),  # Kimi
)
_PAIRS = tuple((re.escape(first), re.escape(last)) for first, last in _MARKS)
_FLAGS = re.DOTALL | re.MULTILINE | re.IGNORECASE
_THOUGHTS = late_pattern(
    rf"\A(?:(?:\s*(?:{'|'.join(f'{first}.*?{last}' for first, last in _PAIRS)}))+"
    r"|(?!\s*(?:#|<file|```)).*?</think>[ \t]*$)\s*",
    _FLAGS,
)
_BEGUN = late_pattern(
    rf"\A\s*(?:{'|'.join(f'{first}(?!.*{last})' for first, last in _PAIRS)})", _FLAGS
)
_DELTAS = (
    "thinking_delta",
    "response.reasoning_text.delta",
    "response.reasoning_summary_text.delta",
)


def without_thoughts(answer: str) -> str:
    """An answer's text without the thoughts at its beginning; "" if they never end."""
    answer = answer.removeprefix("\ufeff")
    rest = "" if _BEGUN.match(answer) else _THOUGHTS.sub("", answer, count=1)
    return "" if _BEGUN.match(rest) else rest


def has_thoughts(told: Mapping[str, Any]) -> bool:
    """Whether an event of any of the APIs, or an answer without a stream, has thoughts."""
    if told.get("type") in _DELTAS or mapping(told.get("delta")).get("type") in _DELTAS:
        return True
    messages = [
        mapping(choice.get(name))
        for choice in items(told.get("choices"))
        for name in ("delta", "message")
    ]
    if any(text(one.get(name)) for one in messages for name in ("reasoning_content", "reasoning")):
        return True
    blocks = (*items(told.get("content")), *items(told.get("output")))
    return any(block.get("type") in ("thinking", "reasoning") for block in blocks)
