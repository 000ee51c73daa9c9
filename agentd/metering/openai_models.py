"""The encodings of OpenAI's models, as tiktoken's table of models and OpenAI's pages give them."""

from __future__ import annotations

from typing import Literal

from agentd.late_pattern import late_pattern

Encoding = Literal["o200k_base", "cl100k_base"]

# Each name also counts with an ending behind "-", such as a date. tiktoken 0.14 (model.py) has
# these, but for gpt-4.5 and codex-mini, a fine-tuned o4-mini. gpt-oss has o200k_harmony: the same
# tokens, only more special ones.
_O200K = late_pattern(
    r"(?:gpt-4o|gpt-4\.1|gpt-4\.5|gpt-5(?:\.\d+)?|gpt-oss|chatgpt-4o|o1|o3|o4-mini|codex-mini)(?:-|\Z)"
)
_CL100K = late_pattern(
    r"(?:gpt-4|gpt-3\.5-turbo|gpt-35-turbo)(?:-|\Z)"
    r"|(?:gpt-3\.5|(?:davinci|babbage)-002|text-embedding-ada-002|text-embedding-3-(?:small|large))\Z"
)
# Encodings that agentd doesn't have: r50k_base, p50k_base, gpt2.
_OLDER = late_pattern(
    r"(?:text-|code-)?(?:davinci|curie|babbage|ada|cushman)(?:-|\Z)|(?:text|code)-s|gpt-?2(?:-|\Z)"
)
_NAMED = late_pattern(
    r"gpt-?\d|gpt-(?:audio|chat|image|live|oss|realtime|rosalind|transcribe)|chatgpt|o\d+(?:-|\Z)"
    r"|chat-latest\Z|codex|computer-use|text-embedding|(?:text-|omni-)?moderation|whisper|tts-|dall-e|sora"
)
_FINE_TUNED = late_pattern(r"ft:([^:]+)")


def is_openai(bare: str) -> bool:
    """Whether a name without namespace is one that OpenAI gives its models."""
    base = _base(bare)
    return bool(_NAMED.match(base) or _CL100K.match(base) or _OLDER.match(base))


def exact_encoding(bare: str) -> Encoding | None:
    """The encoding of a model of OpenAI, None where it isn't public or not one of the two."""
    base = _base(bare)
    if _O200K.match(base):
        return "o200k_base"
    return "cl100k_base" if _CL100K.match(base) else None


def likely_encoding(bare: str) -> Encoding | None:
    """What an unlisted model of OpenAI most likely has: the newest; None for the oldest models."""
    base = _base(bare)
    if _OLDER.match(base):
        return None
    return "cl100k_base" if base.startswith(("gpt-3", "text-embedding")) else "o200k_base"


def _base(bare: str) -> str:
    """The model behind a fine-tuned one, ``ft:gpt-4o:org::id``, or a variant, ``gpt-4o:free``."""
    match = _FINE_TUNED.match(bare)
    return match[1] if match else bare.split(":", 1)[0]
