"""codex (OpenAI Codex): argv, and the output of ``codex exec --json`` since 0.34.

Where usage stands, and why not elsewhere: docs/clis.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agentd.metering.usage import run_usage
from agentd.providers.base import Cli, Invocation, Parsed
from agentd.providers.codex import activity, failures, pointing, session_log, telemetry
from agentd.providers.codex.usage import is_billed_search, read_usage
from agentd.providers.fields import mapping, text


def argv(invocation: Invocation) -> list[str]:
    """The command line of one headless run; the prompt goes on stdin."""
    resumed = invocation.resume_session_id
    return [
        *(invocation.command, "exec", "--json", "--skip-git-repo-check"),
        *("--sandbox", "workspace-write", "-o", str(invocation.run_dir / "last_message")),
        *(("-m", invocation.model) if invocation.model else ()),
        *invocation.extra_args,
        *(("resume", resumed) if resumed else ()),
        "-",
    ]


class CodexParser:
    """Keeps the last total: each ``turn.completed`` counts the whole thread so far."""

    def __init__(self) -> None:
        self._session_id: str | None = None
        self._model: str | None = None
        self._usage: Mapping[str, Any] | None = None
        self._running_total = self._main_only = False
        self._ended = False
        self._answered = False
        self._error: str | None = None
        self._cut = False
        self._threads: set[str] = set()
        self._turns = self._searches = 0
        self._last_text = ""

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take one event, of the present form or of 0.34's ``{"id", "msg"}``."""
        kind = event.get("type")
        if kind == "thread.started":
            self._session_id = text(event.get("thread_id"))
        elif kind == "turn.started":
            self._turns += 1
        elif kind == "turn.completed":
            self._usage, self._main_only = mapping(event.get("usage")), True
            # With three fields 0.58 counts its own process, 0.115 the thread.
            self._running_total = "reasoning_output_tokens" in self._usage
            self._ended, self._error = True, None
        elif kind == "turn.failed":
            self._failed(str(mapping(event.get("error")).get("message")))
        elif kind == "error":  # "Reconnecting ..." as a rule: a failure only if no end follows
            self._error = text(event.get("message"))
            self._cut |= failures.is_cut(self._error or "")
        elif kind == "item.completed":
            item = mapping(event.get("item"))
            if item.get("type") == "agent_message":
                self._last_text = text(item.get("text")) or self._last_text
            elif isinstance(threads := item.get("receiver_thread_ids"), list):
                self._threads.update(map(str, threads))
            self._searches += is_billed_search(item)
        elif isinstance(event.get("msg"), Mapping):
            self._old(event["msg"])
        elif "model" in event and "provider" in event:
            self._model = text(event.get("model"))

    def parsed(self) -> Parsed:
        """The thread's total; None before the first turn has ended."""
        usage = None
        if self._usage is not None:
            usage = run_usage(
                {self._model or "": replace(read_usage(self._usage), web_searches=self._searches)},
                session_id=self._session_id,
            )
        return Parsed(
            usage=usage,
            complete=self._ended,
            running_total=self._running_total,
            main_only=self._main_only,
            threads=frozenset(self._threads - {self._session_id}),
            turns=max(1, self._turns),
            unsure="an answer was cut" if self._cut else None,
            final_text=self._last_text,
            session_id=self._session_id,
            model=self._model,
            error=self._error,
            failure=failures.failure(self._error) if self._error else None,
        )

    def _failed(self, message: str | None) -> None:
        self._ended, self._error = False, message
        self._cut |= failures.is_cut(message or "")

    def _old(self, msg: Mapping[str, Any]) -> None:
        kind = msg.get("type")
        if kind == "agent_message":
            self._last_text = text(msg.get("message")) or self._last_text
        elif kind == "token_count" and isinstance(msg.get("info"), Mapping):
            self._usage = mapping(mapping(msg["info"]).get("total_token_usage"))
            self._ended = self._answered  # a count after a tool call is not the end
        elif kind == "error":
            self._failed(text(msg.get("message")))
        elif kind == "stream_error":  # it tries again
            self._cut |= failures.is_cut(str(msg.get("message")))
        self._answered = kind == "agent_message"


CLI = Cli(
    point=pointing.point,
    tell=pointing.tell,
    read_event=telemetry.read,
    refusal=pointing.refusal,
    without_server_tools="""[codex] extra_args = ["-c", "web_search='disabled'"] does without""",
    user_agents=("codex",),
    argv=argv,
    new_parser=CodexParser,
    markers=(
        *(b'"thread.started"', b'"turn.', b'"agent_message"', b'"error"'),
        *(b'"receiver_thread_ids"', b'"stream_error"', b'"web_search"'),
        *(b'"token_count"', b'"exec_command_end"', b'"provider"'),
    ),
    read_log=session_log.read,
    exit_reasons={2: "refused"},  # its own arguments
    resets_at=failures.resets_at,
    activity=activity.read,
    activity_markers=activity.MARKERS,
    text_markers=activity.TEXT_MARKERS,
)
