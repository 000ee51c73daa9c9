"""opencode: argv, and the output of ``opencode run --format json`` since 1.18.

Where usage stands, and why not elsewhere: docs/clis.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentd.metering.usage import add, run_usage
from agentd.providers.base import Cli, Invocation, Parsed
from agentd.providers.fields import mapping, text
from agentd.providers.opencode import activity, failures, pointing, session_log
from agentd.providers.opencode.usage import finish_of, read_usage

if TYPE_CHECKING:  # a step loads no language of an API
    from agentd.metering.dialects.asked import Asked


def argv(invocation: Invocation) -> list[str]:
    """The command line of one headless run; the prompt goes on stdin."""
    resumed = invocation.resume_session_id
    return [
        *(invocation.command, "run", "--format", "json", "--auto"),
        *(("-m", invocation.model) if invocation.model else ()),
        *(("--session", resumed) if resumed else ()),
        *invocation.extra_args,
    ]


def asked(found: Asked, headers: Mapping[str, str], body: Mapping[str, Any]) -> Asked:
    """A subagent's session names its parent; titles and summaries are asked for without tools."""
    if not headers.get("user-agent", "").startswith("opencode/"):
        return found
    if headers.get("x-parent-session-id"):
        return replace(found, thread="subagent", conversation=headers.get("x-session-id", ""))
    return replace(found, thread=found.thread if body.get("tools") else "side")


class OpencodeParser:
    """Adds the steps up, and keeps the answer since the last tool call.

    Each step is one request of the main thread; nothing on stdout names the model.
    """

    def __init__(self) -> None:
        self._session_id: str | None = None
        self._steps: list[Mapping[str, Any]] = []
        self._finish: str | None = None
        self._cut = False
        self._threads: set[str] = set()
        self._error: Mapping[str, Any] | None = None
        self._answer: list[str] = []

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take one event."""
        self._session_id = text(event.get("sessionID")) or self._session_id
        part = mapping(event.get("part"))
        match event.get("type"):
            case "step_start":
                self._finish = None
            case "step_finish":
                self._steps.append(mapping(part.get("tokens")))
                self._finish = finish_of(part.get("reason"))
                self._cut |= self._finish is None
            case "text":
                self._answer.append(text(part.get("text")) or "")
            case "tool_use":
                self._answer.clear()
                subagent = mapping(mapping(part.get("state")).get("metadata")).get("sessionId")
                self._threads |= {subagent} if isinstance(subagent, str) else set()
            case "error":
                self._error = mapping(event.get("error"))

    def parsed(self) -> Parsed:
        """The sum of the steps; None before the first has ended."""
        used = [read_usage(step) for step in self._steps]
        known = any(any(one.counts()) for one in used)
        return Parsed(
            usage=run_usage({"": add(used)}, session_id=self._session_id) if known else None,
            complete=self._finish not in (None, "tool") or self._error is not None,
            main_only=True,
            threads=frozenset(self._threads),
            unsure="an answer was cut" if self._cut else None,
            final_text="".join(self._answer),
            session_id=self._session_id,
            error=None if self._error is None else failures.message_of(self._error),
            failure=None if self._error is None else failures.failure(self._error),
        )


CLI = Cli(
    point=pointing.point,
    refusal=pointing.refusal,
    asked=asked,
    argv=argv,
    new_parser=OpencodeParser,
    markers=(b'"step_start"', b'"step_finish"', b'"text"', b'"tool_use"', b'"error"'),
    environment={"OPENCODE_DISABLE_AUTOUPDATE": "1"},
    read_log=session_log.read,
    activity=activity.read,
    activity_markers=activity.MARKERS,
    text_markers=activity.TEXT_MARKERS,
)
