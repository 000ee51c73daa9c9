"""requests.jsonl in a run's folder: a line when a request begins, is answered, and ends.

Lines are appended as things happen, so that they are there whatever becomes of the processes. Where
the relay did not see the requests there is one line at the run's end, with what the other sources
told. Keys, prompts and answers never stand in it.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from agentd.clock import from_iso, precise_utc_now
from agentd.files import write_atomic
from agentd.metering.requests import ApiRequest, Thread
from agentd.metering.usage import COUNTS, ModelUsage, whole_count

if TYPE_CHECKING:
    from agentd.metering.dialects import Asked

NAME = "requests.jsonl"
_THREADS: tuple[Thread, ...] = get_args(Thread)


@dataclass(slots=True)
class RequestLog:
    """Writes the lines of one run. Raises OSError."""

    path: Path
    _fd: int = field(init=False)
    _torn: bool = False

    def __post_init__(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        self._fd = os.open(self.path, flags, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_SH)  # who waits for the last line waits for this

    def close(self) -> None:
        """Let go of the file, and of its lock."""
        os.close(self._fd)

    def started(
        self, key: str, asked: Asked, *, input_tokens: int, at: datetime | None = None
    ) -> None:
        """A request is sent, now or ``at``; ``input_tokens`` is an estimate."""
        self._write(
            {
                "request": key,
                "is": "started",
                "model": asked.model,
                "thread": asked.thread,
                "body_bytes": asked.body_bytes,
                "output_limit": asked.output_limit,
                "variants": dict(asked.variants),
                "estimated_input_tokens": input_tokens,
            },
            at,
        )

    def answering(self, key: str, requests: list[ApiRequest]) -> None:
        """The API has told something of the usage, and will tell more."""
        self._write({"request": key, "is": "answering", "told": [*map(_as_json, requests)]})

    def ended(
        self,
        key: str,
        status: int | None,
        requests: list[ApiRequest],
        *,
        at: datetime | None = None,
    ) -> None:
        """The answer is at its end, or cut; ``status`` is None when none is known."""
        told = [*map(_as_json, requests)]
        self._write({"request": key, "is": "ended", "status": status, "told": told}, at)

    def thread(self, key: str, thread: Thread) -> None:
        """A request that has ended was in another thread than it seemed."""
        self._write({"request": key, "is": "thread", "thread": thread})

    def refused(self, asked: Asked, why: str) -> None:
        """A request was not sent."""
        self._write({"is": "refused", "model": asked.model, "thread": asked.thread, "why": why})

    def _write(self, line: Mapping[str, Any], at: datetime | None = None) -> None:
        text = json.dumps({"at": _stamp(at or precise_utc_now()), **line}, ensure_ascii=False)
        data = f"{text}\n".encode(errors="replace")
        if self._torn:  # a disk that was full took a part of a line
            data = b"\n" + data
        written = os.write(self._fd, data)
        self._torn = written < len(data)
        if self._torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))


def write_told(path: Path, requests: Sequence[ApiRequest], *, append: bool) -> None:
    """What a run's other sources tell of its requests, once it is over. Raises OSError.

    It goes before what the relay saw, with ``append``, or stands alone: what an agent may have put
    there is gone then.
    """
    line = {"at": _stamp(precise_utc_now()), "is": "told", "told": [*map(_as_json, requests)]}
    text = f"{json.dumps(line, ensure_ascii=False)}\n".encode()
    if append and (fd := open_log(path, os.O_WRONLY | os.O_APPEND)) is not None:
        with os.fdopen(fd, "ab") as handle:
            handle.write(text)
    else:
        write_atomic(path, text, durable=False)


def open_log(path: Path, flags: int = os.O_RDONLY) -> int | None:
    """Open a run's log; None where none is there, or what an agent has put in its place.

    A symbolic link would lead elsewhere, and a named pipe would be waited for without end.
    """
    try:
        fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    if stat.S_ISREG(os.fstat(fd).st_mode):
        return fd
    os.close(fd)
    return None


def requests_of_run(run_dir: Path) -> list[ApiRequest]:
    """The requests that a run's call counts, from whatever source; none where nothing is known.

    They add up to the call's tokens. One without an id and without a time is what a total of the
    CLI has beyond the requests that are told one by one: there may be several in it.
    """
    path = run_dir / NAME
    told = [line["told"] for line in _lines(path) if line.get("is") == "told"]
    if told and isinstance(told[-1], list):
        return [_of_json(one) for one in told[-1] if isinstance(one, Mapping)]
    return read_requests(path)


class RequestsSoFar:
    """The requests that the relay saw, from lines that are fed one after another."""

    def __init__(self) -> None:
        self._found: dict[str, list[ApiRequest]] = {}

    def feed(self, line: Mapping[str, Any]) -> None:
        """Take one line; what is no line of a request is passed over."""
        key = line.get("request")
        if not isinstance(key, str):
            return
        at, known = _time(line.get("at")), self._found.get(key)
        if line.get("is") == "started":
            self._found[key] = [_started(line, at)]
        elif known and line.get("is") == "thread":
            thread = _thread(line.get("thread"))
            self._found[key] = [replace(request, thread=thread) for request in known]
        elif known and isinstance(line.get("told"), list):
            self._found[key] = _told(line, known[0], at) or known

    def requests(self) -> list[ApiRequest]:
        """All of them by now, in the order in which they began."""
        return [request for requests in self._found.values() for request in requests]


def read_requests(path: Path) -> list[ApiRequest]:
    """The requests that the relay saw, in the order in which they began; none without the file.

    Of one that was under way when the relay died is known what the API had told, else its input by
    estimate. What is no line of this file is passed over.
    """
    so_far = RequestsSoFar()
    for line in _lines(path):
        so_far.feed(line)
    return so_far.requests()


def read_begun(path: Path) -> dict[str, tuple[Asked, list[ApiRequest] | None]]:
    """What each request of a run asked for, and what it was; None when its end isn't there."""
    from agentd.metering.dialects import Asked

    found: dict[str, tuple[Asked, list[ApiRequest] | None]] = {}
    for line in _lines(path):
        key = line.get("request")
        if not isinstance(key, str):
            continue
        if line.get("is") == "started":
            asked = Asked(
                model=str(line.get("model") or ""),
                thread=_thread(line.get("thread")),
                output_limit=_count(line.get("output_limit")) or None,
                variants=_variants(line.get("variants")),
                body_bytes=_count(line.get("body_bytes")),
            )
            found[key] = (asked, None)
        elif line.get("is") == "ended" and key in found and isinstance(line.get("told"), list):
            told = [_of_json(one) for one in line["told"] if isinstance(one, Mapping)]
            found[key] = (found[key][0], told)
    return found


def refusals(path: Path) -> list[str]:
    """Why requests of a run were not sent, in order: those after the last one that was.

    A run that went on after a refusal did not end at it.
    """
    found: list[str] = []
    for line in _lines(path):
        if line.get("is") == "started":
            found.clear()
        elif line.get("is") == "refused":
            found.append(str(line.get("why")))
    return found


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    fd = open_log(path)
    if fd is None:
        return
    with os.fdopen(fd, "rb") as handle:
        data = handle.read()
    for text in data.split(b"\n"):
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            continue  # torn, or written by somebody else
        if isinstance(line, dict):
            yield line


def _started(line: Mapping[str, Any], at: datetime | None) -> ApiRequest:
    return ApiRequest(
        model=str(line.get("model") or ""),
        usage=ModelUsage(input_tokens=_count(line.get("estimated_input_tokens"))),
        started_at=at,
        thread=_thread(line.get("thread")),
        estimated=frozenset({"input_tokens", "output_tokens"}),
    )


def _told(line: Mapping[str, Any], begun: ApiRequest, at: datetime | None) -> list[ApiRequest]:
    ended = line.get("is") == "ended"
    requests = [_of_json(told) for told in line["told"] if isinstance(told, Mapping)]
    if ended and not requests:  # an error of the API, or it was not reached: nothing is billed
        return [replace(begun, usage=ModelUsage(), ended_at=at, ended=True, estimated=frozenset())]
    return [
        replace(request, started_at=begun.started_at, ended_at=at if ended else None)
        for request in requests
    ]


def _as_json(request: ApiRequest) -> dict[str, Any]:
    usage = {name: getattr(request.usage, name) for name in COUNTS}
    values = {
        "id": request.id,
        "model": request.model,
        "thread": request.thread,
        "usage": {name: count for name, count in usage.items() if count},
        "web_searches": request.web_searches,
        "variants": dict(request.variants),
        "finish": request.finish,
        "ended": request.ended,
        "estimated": sorted(request.estimated),
        "started_at": request.started_at and _stamp(request.started_at),
        "ended_at": request.ended_at and _stamp(request.ended_at),
    }
    return {name: value for name, value in values.items() if value not in (None, 0, "", {}, [])}


def _of_json(told: Mapping[str, Any]) -> ApiRequest:
    usage = told.get("usage")
    counts = usage if isinstance(usage, Mapping) else {}
    finish, known_id = told.get("finish"), told.get("id")
    estimated = told.get("estimated")
    return ApiRequest(
        id=known_id if isinstance(known_id, str) else None,
        model=str(told.get("model") or ""),
        usage=_usage(counts),
        web_searches=_count(told.get("web_searches")),
        variants=_variants(told.get("variants")),
        finish=finish if isinstance(finish, str) else None,
        started_at=_time(told.get("started_at")),
        ended_at=_time(told.get("ended_at")),
        ended=told.get("ended") is True,
        thread=_thread(told.get("thread")),
        estimated=frozenset(map(str, estimated)) if isinstance(estimated, list) else frozenset(),
    )


def _usage(counts: Mapping[str, Any]) -> ModelUsage:
    told = {name: _count(counts.get(name)) for name in COUNTS}
    return ModelUsage(**told, reported_cost_usd=None, variants=())


def _variants(value: object) -> tuple[tuple[str, str], ...]:
    pairs = value.items() if isinstance(value, dict) else ()
    return tuple(sorted((str(name), str(variant)) for name, variant in pairs))


def _thread(value: object) -> Thread:
    return next((known for known in _THREADS if known == value), "main")


def _count(value: object) -> int:
    return whole_count(value) or 0


def _time(value: object) -> datetime | None:
    try:
        return from_iso(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
