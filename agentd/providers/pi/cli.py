"""pi: argv, and the output of ``pi --mode json`` since 1.6.

Where usage stands, and why not elsewhere: docs/clis.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentd.metering.requests import ApiRequest, unite, usage_of_run
from agentd.metering.usage import UsageMetrics, run_usage
from agentd.providers.base import Cli, Invocation, Parsed
from agentd.providers.fields import mapping, text
from agentd.providers.pi import activity, failures, pointing, session_log
from agentd.providers.pi.usage import request_of
from agentd.providers.session_log import NO_USAGE

if TYPE_CHECKING:  # a step loads no language of an API
    from agentd.metering.dialects.asked import Asked

_SUMMARISES = "You are a context summarization assistant"


def argv(invocation: Invocation) -> list[str]:
    """The command line of one headless run; the prompt goes on stdin."""
    resumed = invocation.resume_session_id
    return [
        *(invocation.command, "--mode", "json", "-p"),
        *(("--model", invocation.model) if invocation.model else ()),
        *(("--session", resumed) if resumed else ()),
        *invocation.extra_args,
    ]


def asked(found: Asked, headers: Mapping[str, str], body: Mapping[str, Any]) -> Asked:
    """Summaries of a session, or of a branch that was left, have a system prompt of their own."""
    is_own = headers.get("user-agent", "").startswith("pi/")
    is_summary = is_own and _instructions(body).startswith(_SUMMARISES)
    return replace(found, thread="side") if is_summary else found


def _instructions(body: Mapping[str, Any]) -> str:
    """How the system prompt of a request begins, in each of the APIs; "" without one."""
    messages = body.get("messages", body.get("input"))
    first = mapping(messages[0]) if isinstance(messages, list) and messages else {}
    is_system = first.get("role") in ("system", "developer")
    told = body.get("system") or (first.get("content") if is_system else None)
    if isinstance(told, list) and told:
        told = mapping(told[0]).get("text")
    return text(told) or ""


class PiParser:
    """Keeps each answer, and the text since the last tool call."""

    def __init__(self) -> None:
        self._session_id: str | None = None
        self._answers: list[ApiRequest] = []
        self._begun: ApiRequest | None = None
        self._model: str | None = None
        self._works = self._ended = False
        self._error: str | None = None
        self._untold = False
        self._text = ""

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take one event."""
        message = mapping(event.get("message"))
        is_answer = message.get("role") == "assistant"
        match event.get("type"):
            case "session":
                self._session_id = text(event.get("id"))
            case "message_start":
                self._ended = False
                if is_answer:
                    self._begun = request_of(message)
            case "message_end" if is_answer:
                self._begun = None
                self._answered(message)
            case "agent_end" | "agent_settled":
                self._ended = True
            case "agent_start" | "auto_retry_start":
                self._works, self._ended = True, False

    def parsed(self) -> Parsed:
        """The requests one by one; none before its agent has begun, None before an answer has."""
        begun = [] if self._begun is None else [self._begun]
        requests = unite([*self._answers, *begun])
        known = [one for one in requests if any(one.usage.counts())]
        return Parsed(
            usage=self._usage(known),
            complete=self._ended,
            idle=self._is_idle,
            requests=tuple(known),
            unsure=NO_USAGE if self._untold else None,
            final_text=self._text,
            session_id=self._session_id,
            model=self._model,
            error=self._error,
            failure=None if self._error is None else failures.failure(self._error),
        )

    def _usage(self, known: list[ApiRequest]) -> UsageMetrics | None:
        if known:
            return usage_of_run(known, session_id=self._session_id)
        return run_usage({}, session_id=self._session_id) if self._is_idle else None

    @property
    def _is_idle(self) -> bool:
        """Whether its agent has not begun, as without a key: it tells that on stderr."""
        return bool(self._session_id) and not self._works

    def _answered(self, message: Mapping[str, Any]) -> None:
        request = request_of(message)
        self._model = request.model or self._model
        failed = message.get("stopReason") in ("error", "aborted")
        self._error = (text(message.get("errorMessage")) or "it gave no reason") if failed else None
        if any(request.usage.counts()) or not failed:
            self._answers.append(replace(request, ended=request.ended and not failed))
        else:
            self._untold |= not failures.status_is_told(self._error or "")
        content = message.get("content")
        parts = [mapping(part) for part in content] if isinstance(content, list) else []
        self._text = "".join(text(part.get("text")) or "" for part in parts)


CLI = Cli(
    point=pointing.point,
    refusal=pointing.refusal,
    asked=asked,
    reason_on_stderr=failures.reason_on_stderr,
    argv=argv,
    new_parser=PiParser,
    markers=(
        *(b'"session"', b'"message_start"', b'"message_end"'),
        *(b'"agent_start"', b'"agent_end"', b'"agent_settled"', b'"auto_retry_start"'),
    ),
    environment={"PI_SKIP_VERSION_CHECK": "1"},
    read_log=session_log.read,
    activity=activity.read,
    activity_markers=activity.MARKERS,
    text_markers=activity.TEXT_MARKERS,
)
