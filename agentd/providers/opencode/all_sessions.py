"""All sessions of opencode's database, whoever had them: for what people did by hand.

Each answer is a message that has its tokens; no file is read but the database. A fork has copies of
the messages of its origin, with ids of their own and the times of the originals: these tell an
answer. Read and checked: 1.18.33.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agentd.errors import ParseError
from agentd.metering.requests import ApiRequest
from agentd.providers.fields import mapping
from agentd.providers.opencode.session_log import TITLE, opened, value_of
from agentd.providers.opencode.usage import finish_of, read_usage
from agentd.providers.session_files import (
    LoggedRequest,
    SessionsFormat,
    StoredSession,
    logged_request,
)
from agentd.providers.session_log import UnknownShape, text

_SESSIONS = "SELECT id, parent_id, directory, time_created FROM session ORDER BY time_created, id"
_ANSWERS = "SELECT data FROM message WHERE session_id = ? ORDER BY time_created, id"
_FIRST_PROMPT = """
SELECT part.data FROM part JOIN message ON message.id = part.message_id
WHERE part.session_id = ? AND message.data LIKE '%"role":"user"%'
ORDER BY part.time_created, part.id LIMIT 1
"""
_NOT_UNDERSTOOD = "its log has answers that agentd does not understand"


class _Reader:
    """What is known of a session as a whole."""

    tells_ends = True

    def __init__(self, session_id: str, parent_id: str | None, cwd: str) -> None:
        self.session_id: str | None = session_id
        self.parent_id: str | None = parent_id
        self.cwd: str | None = cwd
        self.unsure: str | None = None if parent_id else TITLE  # its call stands nowhere

    def feed(self, entry: Mapping[str, Any]) -> tuple[LoggedRequest, ...]:
        return ()  # it is read as a whole


def read_all(file: Path, is_ours: Callable[[str], bool], until: float) -> Iterator[StoredSession]:
    """The sessions that began in a folder of which ``is_ours`` says so.

    Raises OSError for what is no database of opencode's, TimeoutError once the monotonic clock is
    at ``until``.
    """
    try:
        with opened(file, until) as db:
            for session_id, parent_id, cwd, began in db.execute(_SESSIONS).fetchall():
                if isinstance(cwd, str) and is_ours(cwd):
                    yield _session(db, _Reader(session_id, parent_id, cwd), began)
    except sqlite3.Error as error:
        if time.monotonic() >= until:
            raise TimeoutError from error
        raise OSError(str(error)) from error


def _session(db: sqlite3.Connection, reader: _Reader, began: int) -> StoredSession:
    requests: dict[str, LoggedRequest] = {}
    for (data,) in db.execute(_ANSWERS, (reader.session_id,)):
        message = value_of(data)
        if message.get("role") != "assistant":
            continue
        try:
            if one := _request(message, reader, began):
                requests[one.id] = one
        except (UnknownShape, ParseError):
            reader.unsure = _NOT_UNDERSTOOD
    prompt = db.execute(_FIRST_PROMPT, (reader.session_id,)).fetchone()
    return StoredSession(reader=reader, requests=requests, prompt=prompt[0] if prompt else "")


def _request(message: Mapping[str, Any], reader: _Reader, began: int) -> LoggedRequest | None:
    """An answer that came to its end; None for one under way, and for one without usage."""
    usage, times = read_usage(mapping(message.get("tokens"))), mapping(message.get("time"))
    created, completed = times.get("created"), times.get("completed")
    if not any(usage.counts()) or not isinstance(created, int) or not isinstance(completed, int):
        return None
    finish = finish_of(message.get("finish"))
    request = ApiRequest(
        model=text(message, "modelID"),
        usage=usage,
        ended_at=datetime.fromtimestamp(completed / 1000, UTC),
        finish=finish,
        ended=finish is not None and usage.input_tokens > 0,
    )
    return logged_request(
        request,
        f"{created}-{completed}-{usage.input_tokens}-{usage.output_tokens}",
        reader.session_id or "",
        branch=None,
        copied=created < began,
        in_subagent=reader.parent_id is not None,
    )


LOG_FORMAT = SessionsFormat(read_all=read_all)
