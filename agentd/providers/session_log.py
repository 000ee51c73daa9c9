"""What the readers of the CLIs' session logs share: lines, fields, and adding requests up."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from agentd.clock import from_iso
from agentd.json_value import json_value
from agentd.late_pattern import late_pattern
from agentd.metering.partial import reason_of
from agentd.metering.requests import ApiRequest
from agentd.providers.base import Logged, LogQuery
from agentd.providers.provider import folder_of

NO_USAGE = "an answer came without usage"
OTHERS = "somebody else went on in its session"
NO_SUBAGENT_LOG = "the log of a subagent is missing"
_SAFE_ID = late_pattern(r"[0-9A-Za-z][0-9A-Za-z_-]*")
_NEVER = datetime.min.replace(tzinfo=UTC)


class UnknownShape(Exception):
    """A log is not written the way we know: its reader answers None, never a guess."""


@dataclass(slots=True)
class LoggedThread:
    """One thread's requests; ``waiting`` when another one may have been under way at its end.

    ``unsure`` says what is not known of those that are there.
    """

    requests: list[ApiRequest] = field(default_factory=list)
    waiting: bool = False
    unsure: str | None = None


def home_of_cli(query: LogQuery, variable: str, usual: str) -> Path | None:
    """The CLI's folder: what ``variable`` names, else ``usual`` in the user's home.

    None without either, and for a session id that is no plain name.
    """
    if not _SAFE_ID.fullmatch(query.session_id):
        return None
    return folder_of(query.environ, variable, usual)


def json_lines(path: Path, *markers: bytes) -> Iterator[Mapping[str, Any]]:
    """The objects of a JSON lines file whose line holds one of ``markers`` (all without any).

    Lines that are no JSON are left out: a killed CLI leaves a torn one, and a resumed session
    goes on behind it. Raises OSError, also for what is no plain file.
    """
    with _opened(path) as handle:
        for line in handle:
            if markers and not any(marker in line for marker in markers):
                continue
            try:
                entry = json_value(line)
            except ValueError:
                continue
            if isinstance(entry, dict):
                yield entry


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """A file to read; an agent may have put a pipe there, for which one would wait without end."""
    with open(path, "rb", opener=lambda name, how: os.open(name, how | os.O_NONBLOCK)) as handle:
        if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
            raise OSError(errno.EINVAL, "is no regular file", os.fspath(path))
        yield handle


def first_entry(path: Path) -> Mapping[str, Any]:
    """The first object of a JSON lines file; an empty one when its first line holds none."""
    with _opened(path) as handle:
        try:
            entry = json_value(handle.readline())
        except ValueError:
            return {}
    return entry if isinstance(entry, dict) else {}


def part(entry: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object under ``key``, an empty one when there is none."""
    value = entry.get(key)
    return value if isinstance(value, dict) else {}


def text(entry: Mapping[str, Any], key: str) -> str:
    """The text under ``key``. Raises UnknownShape when there is none."""
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        raise UnknownShape(key)
    return value


def required(entry: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """The entry itself. Raises UnknownShape unless it has all of the keys."""
    for key in keys:
        if entry.get(key) is None:
            raise UnknownShape(key)
    return entry


def moment(entry: Mapping[str, Any], key: str = "timestamp") -> datetime:
    """The time of an entry. Raises UnknownShape when it has none."""
    try:
        return from_iso(text(entry, key))
    except ValueError as error:
        raise UnknownShape(key) from error


def changed_since(path: Path, since: datetime) -> bool:
    """Whether a file can hold entries of ``since`` or later (file times may be a second coarse)."""
    return path.stat().st_mtime >= since.timestamp() - 1


def logged(threads: Sequence[LoggedThread]) -> Logged:
    """What the threads of a run, the main one first, tell together."""
    main, *subagents = threads
    gaps = [thread.unsure for thread in threads]
    if any(thread.waiting for thread in subagents):
        gaps.append("a request of a subagent may have been under way at its end")
    requests = [*main.requests]
    for thread in subagents:
        requests += (replace(request, thread="subagent") for request in thread.requests)
    return Logged(
        requests=tuple(sorted(requests, key=lambda one: one.ended_at or _NEVER)),
        model=main.requests[-1].model if main.requests else None,
        under_way=main.waiting,
        unsure=reason_of(gaps),
    )
