"""opencode's session log: ``~/.local/share/opencode/opencode.db``, an SQLite database.

It knows what stdout does not: the models, and the sessions of subagents, which name their parent.
An answer stands in it once its tools have run. The call that finds a title for a new session is
told nowhere. Read and checked: 1.18.33.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agentd.errors import ParseError
from agentd.json_value import json_value
from agentd.metering.requests import ApiRequest
from agentd.providers.base import Logged, LogQuery
from agentd.providers.fields import mapping
from agentd.providers.opencode.failures import status_of
from agentd.providers.opencode.places import data_folder
from agentd.providers.opencode.usage import finish_of, read_usage
from agentd.providers.session_log import OTHERS, LoggedThread, UnknownShape, logged, text

TITLE = "the call for the title of its session is told nowhere"
_BUSY_S = 1.0
_MOST_S = 10.0  # whatever stands in it: an agent may have put a view without end there
_STEPS = 100_000  # of SQLite's machine, some milliseconds
_SESSIONS = """
WITH RECURSIVE family(id) AS (
    SELECT id FROM session WHERE id = :session
    UNION SELECT session.id FROM session JOIN family ON session.parent_id = family.id
)
SELECT id FROM family
"""
_BEGAN = "SELECT time_created FROM session WHERE id = :session"
_MESSAGES = """
SELECT id, data FROM message WHERE session_id = :session AND time_created >= :since
ORDER BY time_created, id
"""
_PARTS = """
SELECT message_id, time_created, data FROM part
WHERE session_id = :session AND time_created >= :since
    AND (data LIKE '%"step-finish"%' OR data LIKE '%"synthetic"%' OR data LIKE '%"compaction"%')
ORDER BY time_created, id
"""


def read(query: LogQuery) -> Logged | None:
    """What the run used, subagents included; None without a database that we can read.

    Counts every step that was finished at or after ``query.started_at``, in answer to the run's
    own prompt.
    """
    file = _database(query.environ)
    if file is None or not file.is_file():
        return None
    try:
        with opened(file, time.monotonic() + _MOST_S) as db:
            return _read(db, query)
    except (sqlite3.Error, UnknownShape, ParseError, OSError, ValueError):
        return None


@contextlib.contextmanager
def opened(file: Path, until: float) -> Iterator[sqlite3.Connection]:
    """A database to read, until the monotonic clock is there. Raises sqlite3.Error."""
    address = f"{file.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=_BUSY_S)) as db:
        db.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
        yield db


def _database(environ: Mapping[str, str]) -> Path | None:
    folder = data_folder(environ)
    named = environ.get("OPENCODE_DB") or "opencode.db"
    return folder / named if folder and named != ":memory:" else None


def _read(db: sqlite3.Connection, query: LogQuery) -> Logged | None:
    since = int(query.started_at.timestamp() * 1000)
    began = db.execute(_BEGAN, {"session": query.session_id}).fetchone()
    if began is None:
        return None
    sessions = [row[0] for row in db.execute(_SESSIONS, {"session": query.session_id})]
    sessions.sort(key=lambda one: one != query.session_id)  # the run's own is the first
    main, *subagents = (_thread(db, one, since) for one in sessions)
    found = logged([main, *(one for one in subagents if one.requests or one.waiting)])
    if found.unsure is None and began[0] >= since:
        found = replace(found, side_calls=TITLE)
    return found if found.model else replace(found, model=_model(db, query.session_id, since))


def _model(db: sqlite3.Connection, session: str, since: int) -> str | None:
    """The model of the last answer that began: none came to its end."""
    rows = db.execute(_MESSAGES, {"session": session, "since": since})
    named = [value.get("modelID") for _, data in rows if (value := value_of(data))]
    return next((one for one in reversed(named) if isinstance(one, str)), None)


def _thread(db: sqlite3.Connection, session: str, since: int) -> LoggedThread:
    asked = {"session": session, "since": since}
    messages = {message: value_of(data) for message, data in db.execute(_MESSAGES, asked)}
    steps: list[tuple[str, int, Mapping[str, Any]]] = []
    by_opencode: set[str] = set()  # prompts that it gives itself, as after a compaction
    for message, at, data in db.execute(_PARTS, asked):
        part = value_of(data)
        if part.get("type") == "step-finish":
            steps.append((message, at, part))
        elif part.get("synthetic") is True or part.get("type") == "compaction":
            by_opencode.add(message)
    prompts = [key for key, value in messages.items() if value.get("role") == "user"]
    own = {*prompts[:1], *by_opencode}
    answers = {
        key: value
        for key, value in messages.items()
        if value.get("role") == "assistant" and (value.get("parentID") in own or not prompts)
    }
    return LoggedThread(
        [_request(answers[key], at, part) for key, at, part in steps if key in answers],
        waiting=_waits(prompts, answers, {key: part for key, _, part in steps}),
        unsure=OTHERS if set(prompts) - own else None,
    )


def _waits(
    prompts: list[str],
    answers: Mapping[str, Mapping[str, Any]],
    steps: Mapping[str, Mapping[str, Any]],
) -> bool:
    """Whether a request may be under way after the last message."""
    if not answers:
        return bool(prompts)
    key, last = list(answers.items())[-1]
    if key in steps:
        return finish_of(steps[key].get("reason")) in (None, "tool")
    return status_of(mapping(last.get("error"))) is None  # the API answered with an error


def _request(message: Mapping[str, Any], at: int, step: Mapping[str, Any]) -> ApiRequest:
    usage, finish = read_usage(mapping(step.get("tokens"))), finish_of(step.get("reason"))
    return ApiRequest(
        model=text(message, "modelID"),
        usage=usage,
        ended_at=datetime.fromtimestamp(at / 1000, UTC),
        finish=finish,
        ended=finish is not None and usage.input_tokens > 0,
    )


def value_of(data: str) -> Mapping[str, Any]:
    """The object that a column of JSON holds; an empty one where it holds none."""
    return mapping(json_value(data))
