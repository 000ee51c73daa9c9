"""Model names: the forms in which one model is written, without asking any catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable

from agentd.late_pattern import late_pattern

# What ``claude --model`` takes besides full names; each stands for the newest model of its family.
CLAUDE_ALIASES = ("opus", "sonnet", "haiku", "fable")
# What ``gemini --model`` takes besides full names; which model it means depends on its settings.
GEMINI_ALIASES = ("auto", "pro", "flash", "flash-lite")
# No model's name is longer: what is looked up by longer ones is not kept in memory.
MAX_NAME_CHARS = 200

_PREFIX = late_pattern(r"^(?:models|openai|anthropic|google)/")
_DATE = (
    r"[-@]20\d{6}"  # -20250929 (Anthropic), @20250929 (Vertex)
    r"|-20\d\d-\d\d-\d\d"  # -2025-09-29 (OpenAI)
    r"|(?<=-preview)-\d\d-(?:\d\d|20\d\d)"  # -preview-05-20, -preview-09-2025 (Google)
)
# -customtools: Google's endpoint of gemini-3.1-pro-preview for agents, at the same price;
# -v1:0: the version of a model on Amazon Bedrock; @default: the newest one on Vertex AI.
_SUFFIX = late_pattern(
    rf"(?:\[1m\]|{_DATE}|-customtools|-preview|-latest|-00\d|-v\d+:\d+|@default)$"
)
_CLAUDE_VERSION = late_pattern(r"(?<=\d)-v\d+$")  # Bedrock's anthropic.claude-opus-4-6-v1
# The owner of a fine-tuned model: ft:gpt-4o:org::id, on Azure gpt-4o-2024-08-06.ft-0123456789abc.
_OWNER = late_pattern(r"(?:(?<=^ft:)([^:]+):|(?<=[0-9])(\.ft-)).*", re.DOTALL)
_DATED = late_pattern(rf"(?P<name>.+?)(?:{_DATE})$")
_FAMILY = late_pattern(rf"^claude-.*\b({'|'.join(CLAUDE_ALIASES)})\b")


def forms(model: str) -> tuple[str, ...]:
    """The names ``model`` may be priced under, the fullest first, in lower case.

    ``google/gemini-2.5-pro-preview-06-05`` gives itself, then without the prefix, without the date,
    and ``gemini-2.5-pro``. Words that may name another model (``-mini``, ``-codex``) are never cut.
    """
    found = [model.strip().lower()]
    if len(found[0]) > MAX_NAME_CHARS:
        return (found[0],)
    if (bare := _PREFIX.sub("", found[0])) != found[0]:
        found.append(bare)
    if (ownerless := _OWNER.sub(r"\1\2", found[-1])) != found[-1]:
        found.append(ownerless)
    while (shorter := _shortened(found[-1])) != found[-1]:
        found.append(shorter)
    return tuple(found)


def _shortened(name: str) -> str:
    shorter = _SUFFIX.sub("", name)
    return _CLAUDE_VERSION.sub("", shorter) if "claude-" in name else shorter


def undated(model: str) -> str | None:
    """The name without its date, None when it has none."""
    match = _DATED.fullmatch(model.strip().lower())
    return match["name"] if match else None


def family(model: str) -> str | None:
    """The alias of claude that a full name belongs to: ``sonnet`` for ``claude-sonnet-4-5``."""
    match = _FAMILY.match(forms(model)[-1])
    return match[1] if match else None


def newest(alias: str, model_ids: Iterable[str]) -> str | None:
    """Of ``claude-ALIAS-MAJOR[-MINOR]`` ids the one with the highest version."""
    pattern = re.compile(rf"claude-{re.escape(alias)}-(\d{{1,2}})(?:-(\d{{1,2}}))?")
    versions = {
        (int(match[1]), int(match[2] or 0)): model_id
        for model_id in model_ids
        if (match := pattern.fullmatch(model_id))
    }
    return versions[max(versions)] if versions else None
