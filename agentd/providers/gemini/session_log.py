"""gemini's session log: ``~/.gemini/tmp/<project>/chats/session-<time>-<id's first 8>.jsonl``.

It has the finished requests of a run that printed no result (stopped, killed), one entry per
message; a subagent's stand in ``chats/<session id>/<subagent id>.jsonl``. Calls outside the chat
(the router of model "auto") are in no log. Read and checked: 0.61.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from pathlib import Path

from agentd.errors import ParseError
from agentd.providers.base import LoggedUsage, LogQuery
from agentd.providers.gemini.usage import TOTAL_ONLY, is_unsure, read_usage
from agentd.providers.session_log import (
    LoggedRequest,
    Thread,
    UnknownShape,
    changed_since,
    first_entry,
    home_of,
    json_lines,
    logged_usage,
    moment,
    part,
    required,
    text,
)


def read(query: LogQuery) -> LoggedUsage | None:
    """What the run used, subagents included; None without a log that we can read.

    Counts every message that was answered at or after ``query.started_at``.
    """
    home = home_of(query, "GEMINI_CLI_HOME", "")
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
    return logged_usage(threads, session_id=query.session_id)


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


def _thread(paths: Sequence[Path], since: datetime) -> Thread:
    # A message is written again when its tools have run, and without tokens and with a new time
    # (inside "$set") when the session is resumed: its first time is the right one.
    found: dict[str, LoggedRequest] = {}
    begun: dict[str, datetime] = {}
    unmetered = waiting = False
    unsure = None
    lines = (json_lines(path, b'"type":"gemini"', b'"type":"user"') for path in paths)
    for entry in chain.from_iterable(lines):
        if entry.get("type") == "user":
            waiting = True  # a prompt, or what a tool said: the next request follows
        if entry.get("type") != "gemini":
            continue
        waiting = False
        message_id = text(entry, "id")
        at = begun.setdefault(message_id, moment(entry))
        if at < since:
            continue
        if tokens := part(entry, "tokens"):
            usage = read_usage(required(tokens, "input", "output"))
            unsure = TOTAL_ONLY if is_unsure(tokens) else unsure
            found[message_id] = LoggedRequest(at=at, model=text(entry, "model"), usage=usage)
        else:
            unmetered = True
    if unmetered and not found:
        raise UnknownShape("tokens")
    return Thread(list(found.values()), waiting, unsure)
