"""codex: the Codex CLI, by OpenAI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentd.providers.provider import Provider

if TYPE_CHECKING:
    from agentd.providers.base import Cli
    from agentd.providers.session_files import SessionFiles


def _cli() -> Cli:
    from agentd.providers.codex.cli import CLI

    return CLI


def _session_files() -> SessionFiles:
    from agentd.providers.codex.session_log import SESSION_FILES

    return SESSION_FILES


CODEX = Provider(
    name="codex",
    title="OpenAI Codex CLI",
    cli=_cli,
    install="npm install -g @openai/codex@latest",
    exact_since=(0, 79, 0),
    older_lacks="the usage of resumed sessions is inexact, as each run reports only itself",
    maker="openai",
    usual_for=("judge",),
    session_files=_session_files,
)
