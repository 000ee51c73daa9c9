"""codex: the Codex CLI, by OpenAI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentd.providers.provider import Provider, SessionLogs

if TYPE_CHECKING:
    from agentd.providers.base import Cli
    from agentd.providers.session_files import LogFormat


def _cli() -> Cli:
    from agentd.providers.codex.cli import CLI

    return CLI


def _log_format() -> LogFormat:
    from agentd.providers.codex.session_log import LOG_FORMAT

    return LOG_FORMAT


CODEX = Provider(
    name="codex",
    title="OpenAI Codex CLI",
    cli=_cli,
    install="npm install -g @openai/codex@latest",
    exact_since=(0, 79, 0),
    older_lacks="the usage of resumed sessions is inexact, as each run reports only itself",
    maker="openai",
    usual_for=("judge",),
    session_logs=SessionLogs(
        variable="CODEX_HOME",
        usual=".codex",
        places=("sessions", "archived_sessions"),
        load=_log_format,
    ),
)
