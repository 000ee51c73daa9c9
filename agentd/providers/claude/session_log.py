"""claude's session log: ``~/.claude/projects/<project>/<session id>.jsonl``.

After SIGKILL or SIGTERM it tells more than stdout: the final usage of every finished request,
those of subagents too (``<session id>/subagents/agent-*.jsonl``), which stdout shows in the last
line only. Calls outside the conversation are in no log. Read and checked: 2.1.330.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from agentd.errors import ParseError
from agentd.files import files_below
from agentd.metering.requests import ApiRequest, unite
from agentd.providers.base import Logged, LogQuery
from agentd.providers.claude.usage import finish_of, of_message, requests_of
from agentd.providers.session_files import LogFormat, LoggedRequest, logged_request
from agentd.providers.session_log import (
    LoggedThread,
    UnknownShape,
    changed_since,
    home_of_cli,
    json_lines,
    logged,
    moment,
    part,
    required,
    text,
)

_INTERRUPTED = "[Request interrupted by user]"
_TOOL_INTERRUPTED = "[Request interrupted by user for tool use]"


def read(query: LogQuery) -> Logged | None:
    """What the run used, subagents included; None without a log that we can read.

    Counts every message whose first block came at or after ``query.started_at``, in answer to the
    run's own prompts. Of a message that was cut off it has what was known at its start.
    """
    home = home_of_cli(query, "CLAUDE_CONFIG_DIR", ".claude")
    if home is None:
        return None
    try:
        paths = list(home.glob(f"projects/*/{query.session_id}.jsonl"))
        if len(paths) != 1:
            return None
        main = _Transcript(query.started_at).load(paths[0])
        own = main.own_prompts(query.request_ids)
        threads = [main.thread(own)]
        for path in files_below(paths[0].with_suffix(""), ".jsonl"):
            if path.name.startswith("agent-") and changed_since(path, query.started_at):
                threads.append(_Transcript(query.started_at).load(path).thread(own))
    except (UnknownShape, ParseError, OSError):
        return None
    return logged(threads)


@dataclass(slots=True)
class _Transcript:
    """One file. An entry names the one before it, up to a prompt: ``prompts`` are the ids of those.

    A person who goes on in the same session gives it prompts of another id.
    """

    since: datetime
    prompts: dict[str, str | None] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    requests: dict[str, ApiRequest] = field(default_factory=dict)
    prompt_of: dict[str, str | None] = field(default_factory=dict)
    waiting: dict[str | None, bool] = field(default_factory=dict)

    def load(self, path: Path) -> _Transcript:
        # One line per content block, all with the message's id and its usage.
        before: str | None = None
        for entry in json_lines(path, b'"parentUuid"', b'"type":"assistant"', b'"type":"user"'):
            prompt = entry.get("promptId")
            if not isinstance(prompt, str):
                prompt = self.prompts.get(str(entry.get("parentUuid")), before)
            self.prompts[str(entry.get("uuid"))] = before = prompt
            message = part(entry, "message")
            if entry.get("type") == "user":
                self.waiting[prompt] = self._waits_after(prompt, message.get("content"))
                if prompt is not None and moment(entry) >= self.since:
                    self.asked.append(prompt)
            elif entry.get("type") == "assistant" and message.get("model") != "<synthetic>":
                self.waiting[prompt] = False
                self._answer(entry, message, prompt)
        return self

    def _waits_after(self, prompt: str | None, content: object) -> bool:
        """Whether a request may be under way once a user's entry was written."""
        if content == [{"type": "text", "text": _INTERRUPTED}]:
            return self.waiting.get(prompt, False)  # in an answer, or before it began
        # A prompt, or what a tool said: the next request follows.
        return content != [{"type": "text", "text": _TOOL_INTERRUPTED}]

    def own_prompts(self, request_ids: frozenset[str]) -> set[str | None]:
        """The prompts that the run's requests answer; without a request of it the first one."""
        own = {self.prompt_of[one] for one in request_ids if one in self.prompt_of}
        return own or {next(iter(self.asked), None), None}

    def thread(self, own: set[str | None]) -> LoggedThread:
        """The requests that answer these prompts."""
        requests = [
            one
            for key, one in self.requests.items()
            if self.prompt_of[key] in own and one.ended_at and one.ended_at >= self.since
        ]
        if not any(one.finish for one in self.requests.values()):
            # Old versions log no ends: of what was followed by something the end is sure.
            requests = [replace(one, ended=True) for one in requests[:-1]] + requests[-1:]
        return LoggedThread(requests, waiting=any(self.waiting.get(prompt) for prompt in own))

    def _answer(
        self, entry: Mapping[str, Any], message: Mapping[str, Any], prompt: str | None
    ) -> None:
        for one in _answers(entry, message):
            self.requests[str(one.id)] = _with_more(self.requests.get(str(one.id)), one)
            self.prompt_of.setdefault(str(one.id), prompt)


def _answers(entry: Mapping[str, Any], message: Mapping[str, Any]) -> list[ApiRequest]:
    """What one block of an answer tells of its request, and of what is billed beside it."""
    usage = required(part(message, "usage"), "input_tokens", "output_tokens")
    finish = finish_of(message)
    request = ApiRequest(
        id=text(message, "id"),
        model=text(message, "model"),
        ended_at=moment(entry),
        finish=finish,
        ended=finish is not None
        and not entry.get("isAbortedMidStream")
        and of_message(usage).input_tokens > 0,  # zeros where the API told no usage
    )
    return requests_of(request, usage)


def _with_more(known: ApiRequest | None, one: ApiRequest) -> ApiRequest:
    """What is known of a request once another block of it came; it ended with the first."""
    if known is None:
        return one
    return unite([known, replace(one, ended_at=known.ended_at)])[0]


class _Reader:
    """One file of a session, or of a subagent of it, whoever asked."""

    unsure = None

    def __init__(self) -> None:
        self.session_id: str | None = None
        self.parent_id: str | None = None
        self.cwd: str | None = None
        self.tells_ends = False

    def feed(self, entry: Mapping[str, Any]) -> Iterator[LoggedRequest]:
        message = part(entry, "message")
        if entry.get("type") != "assistant" or message.get("model") == "<synthetic>":
            return
        session_id, branch = text(entry, "sessionId"), entry.get("gitBranch")
        self.session_id = self.session_id or session_id
        self.cwd = self.cwd or text(entry, "cwd")
        asked_in = entry.get("requestSessionId")  # a fork begins with a copy of its origin
        for one in _answers(entry, message):
            self.tells_ends |= one.finish is not None
            yield logged_request(
                one,
                str(one.id),
                session_id,
                branch=branch if isinstance(branch, str) and branch != "HEAD" else None,
                copied=asked_in not in (None, session_id),
                in_subagent=entry.get("isSidechain") is True,
            )


LOG_FORMAT = LogFormat(new_reader=lambda path, roots: _Reader(), markers=(b'"type":"assistant"',))
