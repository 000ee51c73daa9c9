"""copilot: argv, and the output of ``copilot --output-format json`` since 1.0.102.

Where usage stands, and why not elsewhere: docs/clis.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentd.providers.base import Cli, Invocation, Parsed
from agentd.providers.copilot import activity, failures, pointing, session_log
from agentd.providers.fields import mapping, text

_SESSION = "--session-id"
_CUT = "an answer was cut"


def argv(invocation: Invocation) -> list[str]:
    """The command line of one headless run; the prompt goes on stdin.

    A new session gets an id of its run's folder, as a killed copilot has not told its own.
    """
    from uuid import NAMESPACE_URL, uuid5

    resumed = invocation.resume_session_id
    new = str(uuid5(NAMESPACE_URL, invocation.run_dir.as_posix()))
    return [
        *(invocation.command, "--allow-all-tools", "--no-ask-user", "--output-format", "json"),
        *(("--model", invocation.model) if invocation.model else ()),
        *(("--resume", resumed) if resumed else (_SESSION, new)),
        *invocation.extra_args,
    ]


class CopilotParser:
    """Keeps how its requests ended, and the last answer; no usage stands on stdout.

    Events of subagents name an agent. The result is its last word, also after a SIGINT.
    """

    def __init__(self) -> None:
        self._session_id: str | None = None
        self._model: str | None = None
        self._text = ""
        self._works = self._ended = self._cut = self._stopped = False
        self._answering: set[str | None] = set()
        self._error: Mapping[str, Any] | None = None

    def feed(self, event: Mapping[str, Any]) -> None:
        """Take one event."""
        agent, data = text(event.get("agentId")), mapping(event.get("data"))
        match event.get("type"):
            case "model.call_start":
                self._works = True
                self._answering.discard(agent)
                if agent is None:
                    self._model = text(data.get("model")) or self._model
            case "assistant.message_start":
                self._answering.add(agent)
            case "model.call_finished":
                self._finished(agent, data.get("outcome"))
            case "assistant.message" if agent is None:
                self._error = None
                self._text = text(data.get("content")) or self._text
            case "session.error" if agent is None:
                self._error = data
            case "abort":
                self._stopped = True
            case "result":
                self._ended = True
                self._session_id = text(event.get("sessionId"))

    def parsed(self) -> Parsed:
        """What is known but for usage, which its session log has."""
        failure = None if self._error is None else failures.failure(self._error)
        error = failure.message if failure else "it was interrupted" if self._stopped else None
        return Parsed(
            complete=self._ended,
            idle=not self._works,
            unsure=_CUT if self._cut else None,
            final_text=self._text,
            session_id=self._session_id,
            model=self._model,
            error=error,
            failure=failure,
        )

    def _finished(self, agent: str | None, outcome: object) -> None:
        """A request that was cancelled, or failed once its answer had begun, may be billed."""
        begun = agent in self._answering
        self._cut |= outcome == "cancelled" or (outcome != "success" and begun)
        self._answering.discard(agent)


CLI = Cli(
    point=pointing.point,
    refusal=pointing.refusal,
    reason_on_stderr=failures.reason_on_stderr,
    argv=argv,
    session_flag=_SESSION,
    new_parser=CopilotParser,
    markers=(
        *(b'"model.call_start"', b'"model.call_finished"', b'"assistant.message_start"'),
        *(b'"assistant.message"', b'"session.error"', b'"abort"', b'"result"'),
    ),
    environment={"COPILOT_AUTO_UPDATE": "false"},
    read_log=session_log.read,
    activity=activity.read,
    activity_markers=activity.MARKERS,
    text_markers=activity.TEXT_MARKERS,
)
