"""qwen's session log: ``~/.qwen/projects/<folder>/chats/<session id>.jsonl``.

It has every request that came to its end, with the API's id: the main thread's, those of subagents,
and side calls such as the one that extracts memories. Read and checked: 0.24.4.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from agentd.errors import ParseError
from agentd.metering.requests import ApiRequest, Thread, with_output_of_text
from agentd.providers.base import Logged, LogQuery
from agentd.providers.fields import mapping
from agentd.providers.qwen.usage import of_log
from agentd.providers.session_files import LogFormat, LoggedRequest, logged_request
from agentd.providers.session_log import (
    NO_USAGE,
    OTHERS,
    LoggedThread,
    UnknownShape,
    home_of_cli,
    json_lines,
    logged,
    moment,
    part,
    text,
)

_RUNTIME = "QWEN_RUNTIME_DIR"  # beats QWEN_HOME for logs
_RESPONSE, _ERROR = "qwen-code.api_response", "qwen-code.api_error"
_SUBAGENT_TOOL = "agent"
_SPEAKERS = ("user", "assistant", "tool_result")
_DEPTH = 5  # of subagents of subagents
_OWN_AGENTS = "managed-"  # qwen's own, such as managed-auto-memory-extractor


def read(query: LogQuery) -> Logged | None:
    """What the run used, subagents and side calls included; None without a log that we can read.

    Counts every request that ended at or after ``query.started_at``, in answer to the run's own
    prompt.
    """
    variable = _RUNTIME if query.environ.get(_RUNTIME) else "QWEN_HOME"
    home = home_of_cli(query, variable, ".qwen")
    if home is None:
        return None
    try:
        paths = list(home.glob(f"projects/*/chats/{query.session_id}.jsonl"))
        if len(paths) != 1:
            return None
        session = _Session(query.started_at).load(paths[0])
        subagents = paths[0].parent.with_name("subagents") / query.session_id
        return logged(session.threads(subagents))
    except (UnknownShape, ParseError, OSError):
        return None


@dataclass(slots=True)
class _Session:
    """One file. Each entry names the one before it; ``prompts`` are the ids of the last prompts.

    A person who goes on in the same session gives it prompts of another id. ``open`` are the
    subagents that are at work.
    """

    since: datetime
    prompts: dict[str, str | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    requests: list[tuple[str | None, ApiRequest]] = field(default_factory=list)
    waiting: dict[str | None, bool] = field(default_factory=dict)
    open: dict[str, str | None] = field(default_factory=dict)

    def load(self, path: Path) -> _Session:
        for entry in json_lines(path):
            entry_id, kind = text(entry, "uuid"), entry.get("type")
            prompt = self.prompts.get(str(entry.get("parentUuid")))
            if kind == "user" and entry.get("provenance") in (None, "real_user"):
                prompt = entry_id
                self.asked += [entry_id] if moment(entry) >= self.since else []
            self.prompts[entry_id] = prompt
            if kind in ("user", "tool_result"):
                told = part(entry, "toolCallResult")
                self.open.pop(str(told.get("callId")), None)
                self.waiting[prompt] = told.get("status") != "cancelled"  # by a signal: it ends
            elif kind == "assistant":
                self.open |= dict.fromkeys(_subagents(entry), prompt)
            elif kind == "system":
                self._event(_event(entry), prompt)
        return self

    def _event(self, event: Mapping[str, Any], prompt: str | None) -> None:
        """An answer, or an error that the API answered with."""
        name = event.get("event.name")
        answered = name == _RESPONSE or (name == _ERROR and event.get("status_code"))
        if answered and _thread(event) == "main":
            self.waiting[prompt] = False
        if name == _RESPONSE and moment(event, "event.timestamp") >= self.since:
            self.requests.append((prompt, _request(event)))

    def threads(self, subagents: Path) -> list[LoggedThread]:
        """The requests that answer the run's prompt: the main thread and side calls, subagents.

        The folder ``subagents`` tells what those did that are still at work.
        """
        own = next(iter(self.asked), None)
        found = [one for prompt, one in self.requests if prompt == own]
        unsure = NO_USAGE if any(not one.ended for one in found) else None
        main = LoggedThread(
            [one for one in found if one.thread != "subagent"],
            waiting=self.waiting.get(own, False),
            unsure=OTHERS if len(self.asked) > 1 else unsure,
        )
        at_work = [call for call, prompt in self.open.items() if prompt == own]
        others = LoggedThread(
            [one for one in found if one.thread == "subagent"],
            waiting=any(_may_ask(subagents, call) for call in at_work),
        )
        return [main, others]


def _may_ask(folder: Path, call: str, depth: int = 0) -> bool:
    """Whether a request of a subagent, or of one of its own, may be under way."""
    paths = list(folder.glob(f"agent-*-{glob.escape(call)}.jsonl"))
    if len(paths) != 1 or depth > _DEPTH:
        return True
    told = [one for one in json_lines(paths[0]) if one.get("type") in _SPEAKERS]
    if not told or told[-1].get("type") != "assistant":
        return True  # a prompt, or what a tool said: the next request follows
    return any(_may_ask(folder, one, depth + 1) for one in _subagents(told[-1]))


def _event(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """What qwen's own telemetry tells in an entry; an empty one when it is none."""
    return part(part(entry, "systemPayload"), "uiEvent")


def _thread(event: Mapping[str, Any]) -> Thread:
    agent = event.get("subagent_name")
    if not isinstance(agent, str):
        return "main"
    return "side" if agent.startswith(_OWN_AGENTS) else "subagent"


def _subagents(entry: Mapping[str, Any]) -> Iterator[str]:
    """The ids of the calls by which an answer starts subagents."""
    parts = part(entry, "message").get("parts")
    for one in map(mapping, parts if isinstance(parts, list) else []):
        call = mapping(one.get("functionCall"))
        if call.get("name") == _SUBAGENT_TOOL:
            yield str(call.get("id"))


def _request(event: Mapping[str, Any]) -> ApiRequest:
    """One answer; zeros where it was cut, or the API told no usage."""
    usage = of_log(event)
    request = ApiRequest(
        id=text(event, "response_id"),
        model=text(event, "model"),
        usage=usage,
        ended_at=moment(event, "event.timestamp"),
        ended=usage.input_tokens > 0,
        thread=_thread(event),
    )
    came = str(event.get("response_text") or "")
    return request if request.ended else with_output_of_text(request, came)


class _Reader:
    """One session, whoever asked."""

    parent_id = None
    tells_ends = True
    unsure = None

    def __init__(self) -> None:
        self.session_id: str | None = None
        self.cwd: str | None = None

    def feed(self, entry: Mapping[str, Any]) -> Iterator[LoggedRequest]:
        event = _event(entry)
        if event.get("event.name") != _RESPONSE:
            return
        self.session_id = self.session_id or text(entry, "sessionId")
        self.cwd = self.cwd or text(entry, "cwd")
        request, branch = _request(event), entry.get("gitBranch")
        yield logged_request(
            request,
            str(request.id),
            self.session_id,
            branch=branch if isinstance(branch, str) and branch != "HEAD" else None,
            copied=not str(event.get("prompt_id")).startswith(self.session_id),
            in_subagent=request.thread != "main",
        )


LOG_FORMAT = LogFormat(new_reader=lambda path, roots: _Reader(), markers=(b'"ui_telemetry"',))
