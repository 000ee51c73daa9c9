"""pi: an open, small coding agent for models of any maker, by Earendil."""

from __future__ import annotations

import re

from agentd.providers.provider import Provider, SessionLogs, loader

PI = Provider(
    name="pi",
    title="pi coding agent",
    cli=loader(f"{__name__}.cli:CLI"),
    install="npm install -g @earendil-works/pi-coding-agent@latest",
    exact_since=(1, 6, 0),
    older_lacks="its events may be written otherwise",
    session_logs=SessionLogs(
        variable="PI_CODING_AGENT_DIR",
        usual=".pi/agent",
        places=("sessions/*",),
        load=loader(f"{__name__}.session_log:LOG_FORMAT"),
        begins=lambda root: "--" + re.sub(r"[/:]", "-", str(root).lstrip("/")),
    ),
)
