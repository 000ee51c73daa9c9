"""pi's session log: ``~/.pi/agent/sessions/--<folder>--/<time>_<session id>.jsonl``.

It has each answer that came to its end, and the summaries that stdout does not show: of a session
that grew too long, of a branch that was left. Read and checked: 1.6.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from agentd.errors import ParseError
from agentd.metering.requests import ApiRequest
from agentd.providers.base import Logged, LogQuery
from agentd.providers.pi.usage import read_usage, request_of
from agentd.providers.session_files import LogFormat, LoggedRequest, logged_request
from agentd.providers.session_log import (
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

_SUMMARIES = ("compaction", "branch_summary")
_MARKERS = (b'"message"', b'"compaction"', b'"branch_summary"', b'"type":"session"')


def read(query: LogQuery) -> Logged | None:
    """What the run used; None without a log that we can read.

    Counts every answer at or after ``query.started_at`` to the run's own prompts.
    """
    home = home_of_cli(query, "PI_CODING_AGENT_DIR", ".pi/agent")
    if home is None:
        return None
    try:
        paths = list(home.glob(f"sessions/*/*_{query.session_id}.jsonl"))
        if len(paths) != 1:
            return None
        return logged([_Session(query.started_at).load(paths[0]).thread(query.request_ids)])
    except (UnknownShape, ParseError, OSError):
        return None


@dataclass(slots=True)
class _Session:
    """One file. Each entry names the one before it; ``prompts`` are the ids of the last prompts.

    A person who goes on in the same session gives it prompts of another id.
    """

    since: datetime
    prompts: dict[str, str | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    requests: list[tuple[str | None, ApiRequest]] = field(default_factory=list)
    waiting: dict[str | None, bool] = field(default_factory=dict)
    model: str = ""

    def load(self, path: Path) -> _Session:
        for entry in json_lines(path, *_MARKERS):
            if entry.get("type") == "session":
                continue
            at, entry_id = moment(entry), text(entry, "id")
            prompt = self.prompts.get(str(entry.get("parentId")))
            message = part(entry, "message")
            if message.get("role") == "user":
                prompt = entry_id
                self.asked += [entry_id] if at >= self.since else []
            self.prompts[entry_id] = prompt
            if message.get("role") in ("user", "toolResult"):
                self.waiting[prompt] = True
            for request in _requests(entry, self.model):
                self.model = request.model
                self.waiting[prompt] = False
                if at >= self.since:
                    self.requests.append((prompt, replace(request, ended_at=at)))
        return self

    def thread(self, request_ids: frozenset[str]) -> LoggedThread:
        """The requests that answer the run's prompts: those with these ids, else its first."""
        own = {prompt for prompt, one in self.requests if one.id in request_ids}
        own = own or {next(iter(self.asked), None)}
        found = [one for prompt, one in self.requests if prompt in own]
        others = any(prompt not in own for prompt in self.asked)
        return LoggedThread(
            [one for one in found if any(one.usage.counts()) or one.ended],
            waiting=any(self.waiting.get(prompt) for prompt in own),
            unsure=OTHERS if others else None,
        )


def _requests(entry: Mapping[str, Any], model: str) -> Iterator[ApiRequest]:
    """What an entry tells of requests; a summary is of the ``model`` that was at work."""
    message = part(entry, "message")
    if message.get("role") == "assistant":
        yield request_of(message)
    elif entry.get("type") in _SUMMARIES and (usage := part(entry, "usage")):
        yield ApiRequest(
            model=model, usage=read_usage(usage), finish="stop", ended=True, thread="side"
        )


class _Reader:
    """One session, whoever asked."""

    parent_id = None
    tells_ends = True
    unsure = None

    def __init__(self) -> None:
        self.session_id: str | None = None
        self.cwd: str | None = None
        self._forked = False
        self._model = ""

    def feed(self, entry: Mapping[str, Any]) -> Iterator[LoggedRequest]:
        if entry.get("type") == "session":
            self.session_id, self.cwd = text(entry, "id"), text(entry, "cwd")
            self._forked = bool(entry.get("parentSession"))
            return
        for request in _requests(entry, self._model):
            self._model = request.model
            if any(request.usage.counts()):
                yield logged_request(
                    replace(request, ended_at=moment(entry)),
                    request.id or text(entry, "id"),
                    self.session_id or "",
                    branch=None,
                    copied=self._forked,
                )


LOG_FORMAT = LogFormat(new_reader=lambda path, roots: _Reader(), markers=_MARKERS)
