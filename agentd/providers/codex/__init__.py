"""codex: the Codex CLI, by OpenAI."""

from __future__ import annotations

from agentd.providers.provider import AgentCommands, Provider, SessionLogs, loader

CODEX = Provider(
    name="codex",
    title="OpenAI Codex CLI",
    cli=loader(f"{__name__}.cli:CLI"),
    install="npm install -g @openai/codex@latest",
    exact_since=(0, 79, 0),
    older_lacks="the usage of resumed sessions is inexact, as each run reports only itself",
    maker="openai",
    usual_for=("judge",),
    session_logs=SessionLogs(
        variable="CODEX_HOME",
        usual=".codex",
        places=("sessions", "archived_sessions"),
        load=loader(f"{__name__}.session_log:LOG_FORMAT"),
    ),
    commands=AgentCommands(
        path=".agents/skills/agentd-{name}/SKILL.md",
        form="skill",
        arguments="",
        skills=".agents/skills",
    ),
)
