"""gemini's session log: ``~/.gemini/tmp/<project>/chats/session-<time>-<id's first 8>.jsonl``.

It has the finished requests of a run that printed no result (stopped, killed), one entry per
message; a subagent's stand in ``chats/<session id>/<subagent id>.jsonl``. Calls outside the chat
(the router of model "auto") are in no log. Read and checked: 0.61.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any

from agentd.digests import sha256
from agentd.errors import ParseError
from agentd.files import read_plain
from agentd.metering.partial import TOTAL_ONLY
from agentd.metering.requests import ApiRequest, with_output_of_text
from agentd.metering.usage import ModelUsage
from agentd.providers.base import Logged, LogQuery
from agentd.providers.gemini.usage import is_unsure, read_usage
from agentd.providers.session_files import LogFormat, LoggedRequest, logged_request
from agentd.providers.session_log import (
    NO_USAGE,
    OTHERS,
    LoggedThread,
    UnknownShape,
    changed_since,
    first_entry,
    home_of_cli,
    json_lines,
    logged,
    moment,
    part,
    required,
    text,
)


def read(query: LogQuery) -> Logged | None:
    """What the run used, subagents included; None without a log that we can read.

    Counts every message that was answered at or after ``query.started_at``.
    """
    home = home_of_cli(query, "GEMINI_CLI_HOME", "")
    if home is None:
        return None
    try:
        paths = _chats(home / ".gemini" / "tmp", query.session_id)
        if not paths:
            return None
        threads = [_thread(paths, query.started_at)]
        for subagent in _subagents(paths[0].parent, query.session_id):
            if changed_since(subagent, query.started_at):
                threads.append(_thread([subagent], query.started_at))
    except (UnknownShape, ParseError, OSError):
        return None
    return logged(threads)


def _chats(folder: Path, session_id: str) -> list[Path]:
    # The file's name has the first eight characters of the id only; its first line has all. A
    # session that is resumed in another minute than it began in goes on in its old file, and leaves
    # a second one of that minute with no request in it.
    found = folder.glob(f"*/chats/session-*-{session_id[:8]}.jsonl")
    return sorted(path for path in found if first_entry(path).get("sessionId") == session_id)


def _subagents(chats: Path, session_id: str) -> Iterator[Path]:
    parents, known = [session_id], {session_id}
    while parents:
        for path in (chats / parents.pop()).glob("*.jsonl"):
            if path.stem not in known:
                known.add(path.stem)
                parents.append(path.stem)
                yield path


def _thread(paths: Sequence[Path], since: datetime) -> LoggedThread:
    # A message is written again when its tools have run, and without tokens and with a new time
    # (inside "$set") when the session is resumed: its first time is the right one.
    found: dict[str, ApiRequest] = {}
    begun: dict[str, datetime] = {}
    unmetered: set[str] = set()
    waiting = others = False
    starts = 0
    unsure = None
    markers = b'"type":"gemini"', b'"type":"user"', b'"startTime"'
    for entry in chain.from_iterable(json_lines(path, *markers) for path in paths):
        if "startTime" in entry:  # each process that goes on with the session notes its start
            starts += moment(entry, "startTime") >= since
            continue
        is_answer = entry.get("type") == "gemini"
        if starts > 1:
            others |= is_answer
            continue
        if entry.get("type") == "user":
            waiting = True  # a prompt, or what a tool said: the next request follows
        if not is_answer:
            continue
        waiting = False
        message_id = text(entry, "id")
        at = begun.setdefault(message_id, moment(entry))
        if at < since:
            continue
        if tokens := part(entry, "tokens"):
            usage = read_usage(required(tokens, "input", "output"))
            unsure = TOTAL_ONLY if is_unsure(tokens) else unsure
            found[message_id] = _request(entry, usage, at)
        else:
            unmetered.add(message_id)
    unmetered -= found.keys()
    if unmetered and not found:
        raise UnknownShape("tokens")
    if others:
        unsure = unsure or OTHERS
    return LoggedThread(list(found.values()), waiting, NO_USAGE if unmetered else unsure)


class _Reader:
    """One chat, or a subagent's, whoever asked."""

    tells_ends = True

    def __init__(self, path: Path, roots: Sequence[Path]) -> None:
        in_subagent = path.parent.name != "chats"
        self.session_id = path.stem if in_subagent else None
        self.parent_id = path.parent.name if in_subagent else None
        self.cwd = _folder_of_chats(path, roots)
        self.unsure: str | None = None

    def feed(self, entry: Mapping[str, Any]) -> Iterator[LoggedRequest]:
        if "startTime" in entry:
            self.session_id = self.session_id or text(entry, "sessionId")
        if entry.get("type") != "gemini":
            return
        if tokens := part(entry, "tokens"):
            usage = read_usage(required(tokens, "input", "output"))
            self.unsure = TOTAL_ONLY if is_unsure(tokens) else self.unsure
            yield logged_request(
                _request(entry, usage, moment(entry)),
                text(entry, "id"),
                self.session_id or "",
                branch=None,
                in_subagent=self.parent_id is not None,
            )


def _folder_of_chats(path: Path, roots: Sequence[Path]) -> str | None:
    """Where gemini was started: that is noted beside the chats; before, their folder was a hash."""
    folder = next((one.parent for one in path.parents if one.name == "chats"), path.parent)
    try:
        return read_plain(folder / ".project_root").decode().strip()
    except (OSError, ValueError):
        hashes = {sha256(str(root).encode()).hexdigest(): str(root) for root in roots}
        return hashes.get(folder.name)


LOG_FORMAT = LogFormat(new_reader=_Reader, markers=(b'"type":"gemini"', b'"startTime"'))


def _request(entry: Mapping[str, Any], usage: ModelUsage, at: datetime) -> ApiRequest:
    """One answer. One that was cut after a tool gemini takes for whole; it has no output (0.61)."""
    request = ApiRequest(model=text(entry, "model"), usage=usage, ended_at=at, ended=True)
    came = entry.get("content") or ""
    if usage.output_tokens or not (came or "toolCalls" in entry):
        return request
    return with_output_of_text(replace(request, ended=False), str(came))
