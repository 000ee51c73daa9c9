"""The coding CLIs agentd can drive: a new one is a folder here and a line in ``PROVIDERS``."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from agentd.providers.claude import CLAUDE
from agentd.providers.codex import CODEX
from agentd.providers.copilot import COPILOT
from agentd.providers.gemini import GEMINI
from agentd.providers.http import HTTP
from agentd.providers.opencode import OPENCODE
from agentd.providers.pi import PI
from agentd.providers.provider import Provider
from agentd.providers.qwen import QWEN

PROVIDERS: dict[str, Provider] = {
    "claude": CLAUDE,
    "codex": CODEX,
    "gemini": GEMINI,
    "opencode": OPENCODE,
    "pi": PI,
    "qwen": QWEN,
    "copilot": COPILOT,
}

NAMED: dict[str, Provider] = {"http": HTTP}
"""Those that are only used by names that a config gives them: ``[http.NAME]``."""

if TYPE_CHECKING:  # a type checker can't see the members that are made below

    class LlmProvider(Enum):
        """The providers, for the Python API; one that is not listed here is LlmProvider(NAME)."""

        CLAUDE = "claude"
        CODEX = "codex"
        GEMINI = "gemini"

else:
    LlmProvider = Enum(
        "LlmProvider", {name.upper().replace("-", "_"): name for name in PROVIDERS}, module=__name__
    )
    LlmProvider.__doc__ = "The providers, for the Python API."


def any_provider(form: str = "{}") -> str:
    """``claude, codex or gemini``, each name put into ``form``."""
    *others, last = (form.format(name) for name in PROVIDERS)
    return f"{', '.join(others)} or {last}"


def provider_of(name: str | None, base: str | None = None) -> Provider | None:
    """The row of a provider by the name that a config, a run or a call has for it.

    ``base`` is the row (also of ``NAMED``) that a config's own name is made of, None for a name of
    ``PROVIDERS``.
    None where there is no such row.
    """
    if base is None or name is None:
        return PROVIDERS.get(name or "")
    row = PROVIDERS.get(base) or NAMED.get(base)
    return row and replace(row, name=name, base=base)


def maker_of(provider: str | None) -> str | None:
    """Who makes the models of a provider; "" when that is not known, None without a provider."""
    row = PROVIDERS.get(provider or "")
    return row.maker if row else provider and ""
