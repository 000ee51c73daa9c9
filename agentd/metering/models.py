"""Which model a name stands for, how its tokens are counted, and how sure that is."""

from __future__ import annotations

import re
from functools import lru_cache

from agentd.frozen import frozen
from agentd.late_pattern import late_pattern
from agentd.metering.makers import UNKNOWN, ReadName, by_openai, model_family_of, read_name
from agentd.metering.names import CLAUDE_ALIASES, MAX_NAME_CHARS, forms, newest
from agentd.metering.openai_models import exact_encoding, likely_encoding
from agentd.metering.words import Accuracy

_DOTTED_CLAUDE = late_pattern(r"^(claude-3|claude-(?!instant)[a-z]+-\d+)\.(\d)")
_VERTEX_DATE = late_pattern(r"@(20\d{6})\Z")
_VERTEX_NEWEST = late_pattern(r"@default\Z")
_LONG_CONTEXT = late_pattern(r"\[1m\]\Z")

_DATE = late_pattern(r"-(20\d\d)-?(\d\d)-?(\d\d)$")
_VERSION = late_pattern(r"(?<=-)(\d{1,2})-(\d{1,2})(?=-|$)")
_SHOWN = {"gpt": "GPT", "glm": "GLM", "tts": "TTS", "oss": "OSS", "qwq": "QwQ"} | {
    "chatgpt": "ChatGPT",
    "deepseek": "DeepSeek",
    "codellama": "CodeLlama",
}
_AS_WRITTEN = late_pattern(r"o\d|.*\d[a-z]")  # o3, 4o, 70b, 8x7b


@frozen(kw_only=True, guarded=True)
class ModelSpec:
    """What is known of a model.

    ``provider`` is who made it ("openai", "unknown"), ``name`` the canonical name
    (``openai/gpt-4o``), which keeps a date and a host because prices differ by them. ``encoding``
    is that of tiktoken, None where there is none; ``tokenizer`` the encoding or the estimate used
    instead (``claude-estimate``). ``accuracy`` says what a count is: "exact" (the model's own
    encoding), "family" (that of its relatives, or an estimate made for them), "heuristic".
    """

    provider: str
    name: str
    display_name: str
    encoding: str | None
    tokenizer: str
    accuracy: Accuracy

    @property
    def canonical_name(self) -> str:
        """``name``, by what it is."""
        return self.name

    @property
    def has_pricing(self) -> bool:
        """Whether the bundled catalogue has a price for it, today.

        The first time in a process takes 0.2 s: the catalogue is loaded.
        """
        from agentd.clock import utc_now

        model = resolve_alias(self.name)
        from agentd.metering import catalog

        return catalog.lookup(model, maker=None, at=utc_now()) is not None


class ModelRegistry:
    """What agentd knows about models, from their names alone."""

    @staticmethod
    def resolve(name: str) -> ModelSpec:
        """The model that ``name`` stands for; any string stands for one, if only an unknown one.

        ``resolve(spec.name)`` is ``spec`` again. TypeError for what is no string.
        """
        if not isinstance(name, str):
            raise TypeError(f"a model's name is a str, not {type(name).__name__}")
        return _resolve(name) if len(name) > MAX_NAME_CHARS else _resolve_kept(name)


def resolve_alias(model: str, maker: str | None = None) -> str:
    """The full name behind an alias of claude: ``sonnet[1m]`` is the newest claude-sonnet.

    "Newest" is by version, in the bundled catalogue, so no table of ours goes stale. Any other
    name, and an alias asked for another ``maker`` than Anthropic, comes back as it is.
    """
    if maker not in {None, "anthropic"} or len(model) > MAX_NAME_CHARS:
        return model
    return _resolve_alias(model)


@lru_cache(maxsize=1024)
def _resolve_alias(model: str) -> str:
    alias, read = forms(model)[-1].removeprefix("claude-"), read_name(model)
    if alias not in CLAUDE_ALIASES or read.host or read.namespace not in {"", "anthropic"}:
        return model
    from agentd.metering import catalog

    return newest(alias, catalog.model_ids("anthropic")) or model


def _resolve(name: str) -> ModelSpec:
    read = read_name(name)
    provider, encoding, tokenizer, accuracy = _counted(read)
    bare = _canonical(read.bare, provider)
    if read.host:
        canonical = f"{read.host}/{read.written}"
    elif read.namespace == "unknown" or provider == "unknown":
        canonical = read.written
    else:
        canonical = f"{provider}/{bare}"
    unusual = provider == "unknown" or not 0 < len(bare) <= MAX_NAME_CHARS
    return ModelSpec(
        provider=provider,
        name=canonical,
        display_name=canonical if unusual else _display_name(bare),
        encoding=encoding,
        tokenizer=tokenizer,
        accuracy=accuracy,
    )


_resolve_kept = lru_cache(maxsize=1024)(_resolve)


def _counted(read: ReadName) -> tuple[str, str | None, str, Accuracy]:
    """Its maker, encoding, tokenizer and accuracy."""
    if by_openai(read):
        exact = exact_encoding(read.bare)
        if exact and read.namespace != "unknown":
            return "openai", exact, exact, "exact"
        if likely := exact or likely_encoding(read.bare):
            return "openai", likely, likely, "family"
        return "openai", None, UNKNOWN.tokenizer, UNKNOWN.accuracy
    family = model_family_of(read)
    return family.provider, None, family.tokenizer, family.accuracy


def _canonical(bare: str, provider: str) -> str:
    """The name as its maker writes it."""
    if provider != "anthropic":
        return bare
    bare = _VERTEX_NEWEST.sub("", _LONG_CONTEXT.sub("", bare))
    bare = _VERTEX_DATE.sub(r"-\1", bare)
    if bare in CLAUDE_ALIASES:
        return f"claude-{bare}-latest"
    return _DOTTED_CLAUDE.sub(r"\1-\2", bare)


def _display_name(bare: str) -> str:
    """``GPT-4o Mini``, ``Claude Sonnet 4.5 (2025-09-29)``: from a name without namespace."""
    if bare.startswith("ft:"):
        return bare
    date = _DATE.search(bare)
    words = _VERSION.sub(r"\1.\2", bare[: date.start()] if date else bare).split("-")
    shown = " ".join(_shown_word(word) for word in words)
    shown = re.sub(r"\b(GPT|GLM|ChatGPT) (?=\d)", r"\1-", shown)
    return f"{shown} ({'-'.join(date.groups())})" if date else shown


def _shown_word(word: str) -> str:
    usual = word if _AS_WRITTEN.match(word) else word[:1].upper() + word[1:]
    return _SHOWN.get(word) or usual
