"""qwen: argv, and its ``stream-json`` output since 0.24.

Where usage stands, and why not elsewhere: docs/clis.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentd.metering.usage import ModelUsage, UsageMetrics, add, run_usage
from agentd.providers.base import Cli, Invocation, Parsed
from agentd.providers.fields import mapping, text
from agentd.providers.qwen import activity, failures, pointing, session_log
from agentd.providers.qwen.usage import of_stdout
from agentd.providers.session_log import NO_USAGE

_CUT = "an answer was cut"


def argv(invocation: Invocation) -> list[str]:
    """The command line of one headless run; the prompt goes on stdin."""
    resumed = invocation.resume_session_id
    return [
        *(invocation.command, "--yolo", "--output-format", "stream-json"),
        *(("--model", invocation.model) if invocation.model else ()),
        *(("--resume", resumed) if resumed else ()),
        *invocation.extra_args,
    ]


class QwenParser:
    """Keeps the result, and until it comes the answers of the main thread.

    The result holds subagents and side calls too, and earlier runs of a resumed session. Its log
    has each request with its id.
    """

    def __init__(self) -> None:
        self._session_id: str | None = None
        self._model: str | None = None
        self._answers: list[ModelUsage] = []
        self._result: Mapping[str, Any] | None = None
        self._last_text = ""
        self._begun = self._cut = False

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take one event."""
        self._session_id = text(event.get("session_id")) or self._session_id
        match event:
            case {"type": "system", "subtype": "init"}:
                self._model = text(event.get("model"))
            case {"type": "system", "subtype": "retry"}:
                self._cut |= self._begun
                self._begun = False
            case {"type": "assistant", "parent_tool_use_id": None}:
                self._answered(mapping(event.get("message")))
            case {"type": "result"}:
                self._result = event

    def parsed(self) -> Parsed:
        """The session's total at its end, else what its answers add up to; None before one."""
        last = self._result or {}
        error = text(mapping(last.get("error")).get("message")) or "it gave no reason"
        failed = bool(last.get("is_error"))
        untold = self._begun and self._result is not None and not failed
        return Parsed(
            usage=self._usage(),
            complete=self._result is not None,
            running_total=self._result is not None,
            unsure=_CUT if self._cut else NO_USAGE if untold else None,
            final_text=text(last.get("result")) or self._last_text,
            session_id=self._session_id,
            model=self._model,
            error=error if failed else None,
            failure=failures.failure(error) if failed else None,
        )

    def _usage(self) -> UsageMetrics | None:
        if self._result is not None:
            whole = of_stdout(mapping(self._result.get("usage")))
            return run_usage({"": whole}, session_id=self._session_id)
        if self._answers:
            return run_usage({"": add(self._answers)}, session_id=self._session_id)
        return None

    def _answered(self, message: Mapping[str, Any]) -> None:
        """A part of an answer; the last part has its usage, the others zeros."""
        usage = of_stdout(mapping(message.get("usage")))
        self._begun = not any(usage.counts())
        if not self._begun:
            self._answers.append(usage)
        content = message.get("content")
        for part in map(mapping, content if isinstance(content, list) else []):
            self._last_text = text(part.get("text")) or self._last_text


CLI = Cli(
    point=pointing.point,
    refusal=pointing.refusal,
    user_agents=("QwenCode/",),
    argv=argv,
    new_parser=QwenParser,
    markers=(b'"init"', b'"retry"', b'"assistant"', b'"result"'),
    environment={"QWEN_CODE_NO_RELAUNCH": "true", "QWEN_CODE_SUPPRESS_YOLO_WARNING": "1"},
    read_log=session_log.read,
    exit_reasons=failures.EXIT_REASONS,
    activity=activity.read,
    activity_markers=activity.MARKERS,
)
