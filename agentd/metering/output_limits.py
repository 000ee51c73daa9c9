"""The longest answers of models whose CLIs send no limit of their own: a table, as of 2026-11-29.

Reasoning is part of an answer. From the makers' model pages (developers.openai.com/api/docs/models,
ai.google.dev/gemini-api/docs/models). Anthropic's API takes no request without a limit. A model
that isn't in here has no known limit: a newer one may answer at more length than its relatives.
"""

from __future__ import annotations

from agentd.metering.makers import read_name

_LIMITS = {
    **dict.fromkeys(("gpt-4o", "gpt-4o-mini"), 16_384),
    **dict.fromkeys(("gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano"), 32_768),
    **dict.fromkeys(("o1", "o3", "o3-mini", "o4-mini", "codex-mini"), 100_000),
    "gpt-5-pro": 272_000,
    **dict.fromkeys(("gpt-5", "gpt-5.1", "gpt-5.2", "gpt-5.3", "gpt-5.4", "gpt-5.5"), 128_000),
    **dict.fromkeys(("gpt-5.6", "gpt-6", "gpt-6.1", "gpt-6.2"), 128_000),
    **dict.fromkeys(("gemini-2.5", "gemini-3", "gemini-3.1", "gemini-3.5"), 65_536),
    **dict.fromkeys(("gemini-3.6", "gemini-3.7", "gemini-3.8", "gemini-4"), 65_536),
}
_LONGEST_FIRST = sorted(_LIMITS, key=len, reverse=True)


def output_limit(model: str) -> int | None:
    """The most tokens that an answer of ``model`` can have, None where that is not known."""
    name = read_name(model).bare
    known = (one for one in _LONGEST_FIRST if name == one or name.startswith(f"{one}-"))
    return next((_LIMITS[one] for one in known), None)
