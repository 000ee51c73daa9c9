"""A model's name for people to read."""

from __future__ import annotations

import re

_DATE = re.compile(r"-(20\d\d)-?(\d\d)-?(\d\d)$")
_VERSION = re.compile(r"(?<=-)(\d{1,2})-(\d{1,2})(?=-|$)")
_UPPER = {"gpt": "GPT", "glm": "GLM", "tts": "TTS", "oss": "OSS", "qwq": "QwQ"}
_BRANDS = {"chatgpt": "ChatGPT", "deepseek": "DeepSeek", "codellama": "CodeLlama"}
_AS_WRITTEN = re.compile(r"o\d|.*\d[a-z]")  # o3, 4o, 70b, 8x7b


def display_name(bare: str) -> str:
    """``GPT-4o Mini``, ``Claude Sonnet 4.5 (2025-09-29)``: from a name without namespace."""
    if bare.startswith("ft:"):
        return bare
    date = _DATE.search(bare)
    words = _VERSION.sub(r"\1.\2", bare[: date.start()] if date else bare).split("-")
    shown = " ".join(_word(word) for word in words)
    shown = re.sub(r"\b(GPT|GLM|ChatGPT) (?=\d)", r"\1-", shown)
    return f"{shown} ({'-'.join(date.groups())})" if date else shown


def _word(word: str) -> str:
    known = _UPPER.get(word) or _BRANDS.get(word)
    return known or (word if _AS_WRITTEN.match(word) else word[:1].upper() + word[1:])
