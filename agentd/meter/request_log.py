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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentd.clock import precise_utc_now
from agentd.files import write_atomic
from agentd.metering.request_json import as_json, stamp
from agentd.metering.requests import ApiRequest, Thread

if TYPE_CHECKING:
    from agentd.metering.dialects import Asked

NAME = "requests.jsonl"


@dataclass(slots=True)
class RequestLog:
    """Writes the lines of one run. Raises OSError."""

    path: Path
    _fd: int = field(init=False)
    _torn: bool = False

    def __post_init__(self) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        self._fd = os.open(self.path, flags, 0o600)
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):  # an agent has put it there
            os.close(self._fd)
            raise OSError(errno.EINVAL, "is no regular file", str(self.path))
        try:
            fcntl.flock(self._fd, fcntl.LOCK_SH)  # who waits for the last line waits for this
            self._torn = _is_torn(self._fd)
        except OSError:
            os.close(self._fd)
            raise

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
        self._write({"request": key, "is": "answering", "told": [*map(as_json, requests)]})

    def ended(
        self,
        key: str,
        status: int | None,
        requests: list[ApiRequest],
        *,
        at: datetime | None = None,
    ) -> None:
        """The answer is at its end, or cut; ``status`` is None when none is known."""
        told = [*map(as_json, requests)]
        self._write({"request": key, "is": "ended", "status": status, "told": told}, at)

    def thread(self, key: str, thread: Thread) -> None:
        """A request that has ended was in another thread than it seemed."""
        self._write({"request": key, "is": "thread", "thread": thread})

    def refused(self, asked: Asked, why: str) -> None:
        """A request was not sent."""
        self._write({"is": "refused", "model": asked.model, "thread": asked.thread, "why": why})

    def _write(self, line: Mapping[str, Any], at: datetime | None = None) -> None:
        text = json.dumps({"at": stamp(at or precise_utc_now()), **line}, ensure_ascii=False)
        data = f"{text}\n".encode(errors="replace")
        if self._torn:  # a disk that was full took a part of a line
            data = b"\n" + data
        self._torn = os.write(self._fd, data) < len(data)
        if self._torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))


def _is_torn(fd: int) -> bool:
    """Whether the last line has no end: its writer was killed, or the disk was full."""
    size = os.fstat(fd).st_size
    return size > 0 and os.pread(fd, 1, size - 1) != b"\n"


def write_told(path: Path, requests: Sequence[ApiRequest], *, append: bool) -> None:
    """What a run's other sources tell of its requests, once it is over. Raises OSError.

    It goes before what the relay saw, with ``append``, or stands alone: what an agent may have put
    there is gone then.
    """
    line = {"at": stamp(precise_utc_now()), "is": "told", "told": [*map(as_json, requests)]}
    text = f"{json.dumps(line, ensure_ascii=False)}\n".encode()
    if append and (fd := open_log(path, os.O_RDWR | os.O_APPEND)) is not None:
        with os.fdopen(fd, "ab") as handle:
            handle.write(b"\n" + text if _is_torn(fd) else text)
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
