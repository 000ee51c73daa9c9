"""The CLIs as the tests see them: their models, tools, and how they start a subagent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loopback.scenario import ToolCall


@dataclass(frozen=True, kw_only=True)
class RealCli:
    """``model`` is asked for; ``subagent_model`` is what its subagent runs.

    ``default`` and ``small`` are what ``agentd init`` sets for a change of unknown size, and for a
    small one.
    ``in_main`` and ``in_subagent`` tell requests of the main thread from those of a subagent.
    ``maker`` stands before a model's name where the CLI takes models of several makers, ``side``
    is the model of its side calls, and ``side_body`` stands in them where it is the main
    thread's too.
    ``key`` is the variable without which it asks nobody, ``told_without`` whether stdout says so.
    ``path_key`` is what its write tool calls the path, ``api`` the CLI that asks the same API.
    """

    name: str
    model: str
    subagent_model: str
    default: str
    small: str
    shell_tool: str
    command_key: str
    write_tool: str | None
    subagent: ToolCall
    in_main: Mapping[str, str]
    in_subagent: Mapping[str, str]
    after_subagent: ToolCall | None = None
    maker: str = ""
    side: str | None = None
    side_body: str = ""
    key: str = "ANTHROPIC_API_KEY"
    told_without: bool = True
    path_key: str = "file_path"
    api: str = "claude"

    @property
    def asked(self) -> str:
        """The model as the CLI is told it."""
        return f"{self.maker}{self.model}"

    def shell(self, command: str) -> ToolCall:
        """The CLI's own shell tool."""
        extra = {} if self.name == "codex" else {"description": "a command"}
        return ToolCall(name=self.shell_tool, input={self.command_key: command, **extra})

    def cat(self, path: str, content: str) -> ToolCall:
        """A file written by the shell, where the CLI lets it."""
        if self.name == "gemini" and "`" in content:
            return self.write(path, content)  # it takes a backtick for a command, quoted or not
        folder = path.rpartition("/")[0] or "."
        return self.shell(f"mkdir -p '{folder}' && cat > '{path}' <<'END'\n{content.rstrip()}\nEND")

    def write(self, path: str, content: str) -> ToolCall:
        """The CLI's own way to write a file that is not there; codex has none but the shell."""
        if self.write_tool is None:
            return self.cat(path, content)
        return ToolCall(name=self.write_tool, input={self.path_key: path, "content": content})


QWEN_MEMORY = "managed memory extraction subagent"
TASK = "Look around and report."


def _subagent(name: str, /, namespace: str | None = None, **input: Any) -> ToolCall:
    return ToolCall(name=name, namespace=namespace, input=input)


REAL_CLIS: Mapping[str, RealCli] = {
    cli.name: cli
    for cli in (
        RealCli(
            name="claude",
            model="claude-opus-5-5",
            subagent_model="claude-haiku-5-5",
            default="claude-sonnet-5-5",
            small="claude-haiku-5-5",
            shell_tool="Bash",
            command_key="command",
            write_tool="Write",
            subagent=_subagent(
                "Agent",
                description="look",
                prompt=TASK,
                subagent_type="general-purpose",
                model="haiku",
                run_in_background=False,
            ),
            in_main={"model": "opus"},
            in_subagent={"model": "haiku"},
        ),
        RealCli(
            name="codex",
            model="gpt-6.1-sol",
            subagent_model="gpt-6-luna",
            default="gpt-6.1-sol",
            small="gpt-6-luna",
            shell_tool="exec_command",
            command_key="cmd",
            write_tool=None,
            subagent=_subagent(
                "spawn_agent",
                "collaboration",
                message=TASK,
                task_name="looker",
                model="gpt-6-luna",
                fork_turns="none",
            ),
            in_main={"model": "sol"},
            in_subagent={"model": "luna"},
        ),
        RealCli(
            name="gemini",
            model="gemini-3-flash-preview",
            subagent_model="gemini-3-flash-preview",
            default="gemini-3.8-flash",
            small="gemini-3.5-flash-lite",
            shell_tool="run_shell_command",
            command_key="command",
            write_tool="write_file",
            subagent=_subagent("invoke_agent", agent_name="generalist", prompt=TASK),
            in_main={"without": "complete_task"},
            in_subagent={"body": "complete_task"},
            after_subagent=ToolCall(name="complete_task", input={"result": {"response": "seen"}}),
        ),
    )
}

AGENTS: Mapping[str, RealCli] = {
    cli.name: cli
    for cli in (
        RealCli(
            name="opencode",
            maker="anthropic/",
            model="claude-opus-5-5",
            subagent_model="claude-opus-5-5",
            default="claude-sonnet-5",
            small="claude-haiku-4-5",
            side="claude-haiku-4-5-20251001",
            shell_tool="bash",
            command_key="command",
            write_tool="write",
            path_key="filePath",
            subagent=_subagent("task", description="look", prompt=TASK, subagent_type="general"),
            in_main={"model": "opus", "body": "task"},
            in_subagent={"model": "opus"},
        ),
        RealCli(
            name="pi",
            maker="anthropic/",
            model="claude-opus-5-5",
            subagent_model="",
            default="claude-sonnet-5",
            small="claude-haiku-4-5",
            shell_tool="bash",
            command_key="command",
            write_tool="write",
            path_key="path",
            subagent=_subagent(""),  # it has none
            in_main={},
            in_subagent={},
        ),
        RealCli(
            name="qwen",
            model="qwen3.8-max",
            subagent_model="qwen3.8-max",
            default="qwen3.7-plus",
            small="qwen3.8-flash",
            side_body=QWEN_MEMORY,
            shell_tool="run_shell_command",
            command_key="command",
            write_tool="write_file",
            api="codex",
            key="OPENAI_API_KEY",
            subagent=_subagent(
                "agent",
                description="look",
                prompt=TASK,
                subagent_type="general-purpose",
                run_in_background=False,
            ),
            in_main={"without": QWEN_MEMORY},
            in_subagent={"without": QWEN_MEMORY},
        ),
        RealCli(
            name="copilot",
            model="claude-opus-5-5",
            subagent_model="claude-opus-5-5",
            default="claude-sonnet-5",
            small="claude-haiku-4-5",
            shell_tool="bash",
            command_key="command",
            write_tool=None,
            key="COPILOT_PROVIDER_BASE_URL",
            told_without=False,
            subagent=_subagent(
                "task",
                name="look",
                description="look",
                prompt=TASK,
                agent_type="general-purpose",
                mode="sync",
            ),
            in_main={},
            in_subagent={},
        ),
    )
}
