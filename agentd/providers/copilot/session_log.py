"""copilot's session log: ``~/.copilot/session-state/<session id>/events.jsonl``.

It alone has usage: of every request that came to its end, with the API's id, those of subagents
(``agentId``) among them. Read and checked: 1.0.102.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from agentd.errors import ParseError
from agentd.metering.requests import ApiRequest
from agentd.providers.base import Logged, LogQuery
from agentd.providers.copilot.failures import status_of
from agentd.providers.copilot.usage import request_of
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

_USAGE = b'"session.usage_record"'
_MARKERS = (_USAGE, b'"user.message"', b'"assistant.turn_start"', b'"session.error"')


def read(query: LogQuery) -> Logged | None:
    """What the run used, subagents included; None without a log that we can read.

    Counts every request that ended at or after ``query.started_at``, in answer to the run's own
    prompt.
    """
    home = home_of_cli(query, "COPILOT_HOME", ".copilot")
    if home is None:
        return None
    try:
        path = home / "session-state" / query.session_id / "events.jsonl"
        return logged(_Session(query.started_at).load(path).threads())
    except (UnknownShape, ParseError, OSError):
        return None


@dataclass(slots=True)
class _Session:
    """One file, in the order of time; ``prompts`` counts those of persons since the run's start.

    A person who goes on in the same session gives it another one. ``waiting`` are the agents, None
    for the main thread, whose request may be under way.
    """

    since: datetime
    prompts: int = 0
    requests: list[ApiRequest] = field(default_factory=list)
    waiting: dict[str | None, bool] = field(default_factory=dict)

    def load(self, path: Path) -> _Session:
        for entry in json_lines(path, *_MARKERS):
            agent, data = entry.get("agentId"), part(entry, "data")
            if moment(entry) < self.since:
                continue
            if entry.get("type") == "user.message" and agent is None and "source" not in data:
                self.prompts += 1
            if self.prompts == 1:
                self._take(entry, agent, data)
        return self

    def _take(self, entry: Mapping[str, Any], agent: str | None, data: Mapping[str, Any]) -> None:
        match entry.get("type"):
            case "user.message" | "assistant.turn_start":
                self.waiting[agent] = True
            case "session.error":
                self.waiting[agent] = status_of(data) is None
            case "session.usage_record":
                self.waiting[agent] = False
                self.requests.append(_request(entry))

    def threads(self) -> list[LoggedThread]:
        """The main thread with its side calls, and the subagents."""
        unsure = NO_USAGE if any(not one.ended for one in self.requests) else None
        main = LoggedThread(
            [one for one in self.requests if one.thread != "subagent"],
            waiting=self.waiting.pop(None, False),
            unsure=OTHERS if self.prompts > 1 else unsure,
        )
        others = [one for one in self.requests if one.thread == "subagent"]
        return [main, LoggedThread(others, waiting=any(self.waiting.values()))]


def _request(entry: Mapping[str, Any]) -> ApiRequest:
    usage = part(part(entry, "data"), "usage")
    return request_of(usage, moment(entry), in_subagent="agentId" in entry)


class _Reader:
    """One session, whoever asked."""

    parent_id = None
    tells_ends = True
    unsure = None

    def __init__(self) -> None:
        self.session_id: str | None = None
        self.cwd: str | None = None

    def feed(self, entry: Mapping[str, Any]) -> Iterator[LoggedRequest]:
        if entry.get("type") == "session.start":
            data = part(entry, "data")
            self.session_id, self.cwd = text(data, "sessionId"), text(part(data, "context"), "cwd")
        elif entry.get("type") == "session.usage_record":
            request, own = _request(entry), self.session_id or ""
            told = part(part(part(entry, "data"), "usage"), "accounting")
            yield logged_request(
                request,
                request.id or text(entry, "id"),
                own,
                branch=None,
                copied=told.get("sourceSessionId", own) != own,
                in_subagent=request.thread != "main",
            )


def _new_reader(path: Path, roots: Sequence[Path]) -> _Reader:
    return _Reader()


LOG_FORMAT = LogFormat(new_reader=_new_reader, markers=(_USAGE, b'"session.start"'))
