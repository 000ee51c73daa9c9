"""codex: the Codex CLI, by OpenAI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentd.providers.provider import Provider

if TYPE_CHECKING:
    from agentd.providers.base import Cli


def _cli() -> Cli:
    from agentd.providers.codex.cli import CLI

    return CLI


CODEX = Provider(
    name="codex",
    title="OpenAI Codex CLI",
    cli=_cli,
    install="npm install -g @openai/codex@latest",
    exact_since=(0, 79, 0),
    older_lacks="the usage of resumed sessions is inexact, as each run reports only itself",
    maker="openai",
    usual_for=("judge",),
)
