"""copilot: GitHub Copilot CLI, with GitHub's models, or with those of an API of your own."""

from __future__ import annotations

from agentd.providers.provider import Provider, SessionLogs, loader

COPILOT = Provider(
    name="copilot",
    title="GitHub Copilot CLI",
    cli=loader(f"{__name__}.cli:CLI"),
    install="npm install -g @github/copilot@latest",
    exact_since=(1, 0, 102),
    older_lacks="its session log, which alone has usage, may be written otherwise",
    session_logs=SessionLogs(
        variable="COPILOT_HOME",
        usual=".copilot",
        places=("session-state/*",),
        load=loader(f"{__name__}.session_log:LOG_FORMAT"),
    ),
)
