"""gemini: the Gemini CLI, by Google."""

from __future__ import annotations

from agentd.providers.provider import AgentCommands, Provider, SessionLogs, loader

GEMINI = Provider(
    name="gemini",
    title="Gemini CLI",
    cli=loader(f"{__name__}.cli:CLI"),
    install="npm install -g @google/gemini-cli@latest",
    exact_since=(0, 17, 0),
    older_lacks="it may lack the stream-json output that usage is read from",
    maker="google",
    usual_for=("write",),
    session_logs=SessionLogs(
        variable="GEMINI_CLI_HOME",
        usual="",
        places=(".gemini/tmp/*/chats",),
        load=loader(f"{__name__}.session_log:LOG_FORMAT"),
    ),
    commands=AgentCommands(
        path=".gemini/commands/agentd/{name}.toml",
        form="toml",
        arguments="{{args}}",
        skills=".agents/skills",  # it warns of a second skill of one name in .gemini/skills
    ),
)
