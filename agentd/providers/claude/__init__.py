"""claude: Claude Code, by Anthropic."""

from __future__ import annotations

import re

from agentd.providers.provider import AgentCommands, BudgetFlag, Provider, SessionLogs, loader

_NAME_LENGTH = 150  # of a longer path claude shortens the name of its folder

CLAUDE = Provider(
    name="claude",
    title="Claude Code",
    cli=loader(f"{__name__}.cli:CLI"),
    install="npm install -g @anthropic-ai/claude-code@latest",
    exact_since=(2, 1, 319),
    older_lacks="the usage of runs with subagents and of resumed sessions may be inexact",
    maker="anthropic",
    default_model="sonnet",
    reports_costs=True,
    # Not in 2.0.28, in 2.0.45 and later (looked up in each). An older claude refuses to start.
    budget_flag=BudgetFlag(name="--max-budget-usd", since=(2, 0, 45)),
    usual_for=("code",),
    session_logs=SessionLogs(
        variable="CLAUDE_CONFIG_DIR",
        usual=".claude",
        places=("projects/*",),
        load=loader(f"{__name__}.session_log:LOG_FORMAT"),
        begins=lambda root: re.sub(r"[^A-Za-z0-9]", "-", str(root))[:_NAME_LENGTH],
    ),
    commands=AgentCommands(
        path=".claude/commands/agentd/{name}.md",
        form="markdown",
        arguments="$ARGUMENTS",
        skills=".claude/skills",
    ),
)
