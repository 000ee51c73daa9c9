"""opencode: an open coding agent for models of any maker, by Anomaly."""

from __future__ import annotations

from agentd.providers.provider import Provider, SessionLogs, loader

OPENCODE = Provider(
    name="opencode",
    title="opencode",
    cli=loader(f"{__name__}.cli:CLI"),
    install="npm install -g opencode-ai@latest",
    exact_since=(1, 18, 0),
    older_lacks="its database, which tells of models and subagents, may be written otherwise",
    session_logs=SessionLogs(
        variable="XDG_DATA_HOME",
        usual=".local/share",
        places=("opencode",),
        file="opencode.db",
        load=loader(f"{__name__}.all_sessions:LOG_FORMAT"),
    ),
)
