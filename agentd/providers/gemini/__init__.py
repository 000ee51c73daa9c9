"""gemini: the Gemini CLI, by Google."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agentd.providers.provider import Provider, SessionLogs

if TYPE_CHECKING:
    from agentd.providers.base import Cli
    from agentd.providers.session_files import LogFormat


def _cli() -> Cli:
    from agentd.providers.gemini.cli import CLI

    return CLI


def _log_format() -> LogFormat:
    from agentd.providers.gemini.session_log import LOG_FORMAT

    return LOG_FORMAT


GEMINI = Provider(
    name="gemini",
    title="Gemini CLI",
    cli=_cli,
    install="npm install -g @google/gemini-cli@latest",
    exact_since=(0, 17, 0),
    older_lacks="it may lack the stream-json output that usage is read from",
    maker="google",
    usual_for=("write",),
    session_logs=SessionLogs(
        variable="GEMINI_CLI_HOME", usual="", places=(".gemini/tmp/*/chats",), load=_log_format
    ),
)
