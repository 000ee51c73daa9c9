"""qwen: Qwen Code, by Alibaba, for models of any maker that speak OpenAI's API."""

from __future__ import annotations

import re

from agentd.providers.provider import Provider, SessionLogs, loader

QWEN = Provider(
    name="qwen",
    title="Qwen Code",
    cli=loader(f"{__name__}.cli:CLI"),
    install="npm install -g @qwen-code/qwen-code@latest",
    exact_since=(0, 24, 0),
    older_lacks="its session log, which tells requests apart, may be written otherwise",
    session_logs=SessionLogs(
        variable="QWEN_HOME",
        usual=".qwen",
        places=("projects/*",),
        load=loader(f"{__name__}.session_log:LOG_FORMAT"),
        begins=lambda root: re.sub(r"[^A-Za-z0-9]", "-", str(root)),
    ),
)
