"""What agentd itself writes while steps run, noted for the guards that watch them.

A guard opens a log in ``agentd/.running/`` of its project (``guard.write_log``). Whoever replaces a
file below that project notes there what it is about to write, and then whether it did, under the
project's lock. So a guard can tell agentd's writes, of whatever process, from those of its CLI.

The notes are no secret: a CLI that imitates them, or runs agentd, passes for agentd.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Literal

from agentd.locks import lock

LOGS = "agentd/.running"  # below a project's root
ENDING = ".writes"
LOCK = ".writes.lock"


@contextlib.contextmanager
def noted(path: Path, data: bytes, entry: Callable[[], str] | None) -> Iterator[None]:
    """Note in every log around ``path`` that ``data`` replaces it, which happens in the block.

    Raises OSError or LockHeld when it can't be noted; then nothing happens.
    """
    place = os.path.abspath(path)  # noqa: PTH100 - "a/../b" has other parents
    note = _Note(place, data, entry)
    try:
        with contextlib.ExitStack() as stack:
            for folder in _folders_with_logs(place):
                with contextlib.suppress(FileNotFoundError):  # the last guard took it away
                    stack.enter_context(sole_writer(folder))
            told = {log for log in _logs_around(place) if note.begin(log)}
            try:
                yield
            except BaseException:
                note.end(told, "failed")
                raise
            note.end(told, "done")
        # A guard that began since may have seen the file as it was.
        late = set(_logs_around(place)) - told
        note.end({log for log in late if note.begin(log)}, "done")
    finally:
        note.close()


_held: ContextVar[tuple[str, ...]] = ContextVar("held", default=())


@contextlib.contextmanager
def sole_writer(folder: str) -> Iterator[None]:
    """Hold the lock of a folder with logs: meanwhile no other agentd replaces a file around it.

    Raises LockHeld after 30 s, OSError when the lock can't be opened.
    """
    if folder in _held.get():
        yield
        return
    with lock(Path(folder, LOCK)):
        before = _held.set((*_held.get(), folder))
        try:
            yield
        finally:
            _held.reset(before)


class _Note:
    def __init__(self, path: str, data: bytes, entry: Callable[[], str] | None) -> None:
        self._path = path
        self._data = data
        self._entry = entry
        self._id = os.urandom(8).hex()
        # The file as it is, read only if a guard wants to know.
        try:
            self._old = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            self._old = -1

    def begin(self, log: str) -> bool:
        """Whether a guard took the note, durably; False for a log whose guard is gone."""
        import base64

        entry = self._entry() if self._entry else None
        values = {
            "id": self._id,
            "path": os.path.relpath(self._path, log.rpartition(f"/{LOGS}/")[0]),
            "before": _sha256(self._before()) if self._old >= 0 else None,
            "after": _sha256(self._data),
            "content": base64.b64encode(self._data).decode() if entry is None else None,
            "entry": entry,
        }
        return _append(log, values, durably=True)

    def end(self, logs: set[str], outcome: Literal["done", "failed"]) -> None:
        for log in logs:
            with contextlib.suppress(OSError):  # left open on a full disk, as if killed
                _append(log, {"id": self._id, "outcome": outcome})

    def close(self) -> None:
        if self._old >= 0:
            os.close(self._old)

    def _before(self) -> bytes:
        return os.pread(self._old, os.fstat(self._old).st_size, 0)


def _folders_with_logs(path: str) -> list[str]:
    """The folders with logs of the projects around a file, the outermost first."""
    return sorted({os.path.dirname(log) for log in _logs_around(path)}, key=len)  # noqa: PTH120


def _logs_around(path: str) -> Iterator[str]:
    """The logs of the projects around a file. As text: it is asked for at every write."""
    while (above := path.rpartition("/")[0]) != path:
        path = above
        try:
            names = os.listdir(f"{path}/{LOGS}")  # noqa: PTH208
        except OSError:
            continue
        yield from (f"{path}/{LOGS}/{name}" for name in names if name.endswith(ENDING))


def _append(log: str, values: dict[str, str | None], *, durably: bool = False) -> bool:
    import json

    try:
        fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        if is_left(fd):
            Path(log).unlink(missing_ok=True)
            return False
        # A line end before it too: what a full disk cut off must not swallow the next note.
        os.write(fd, f"\n{json.dumps(values)}\n".encode())
        if durably:
            os.fsync(fd)
    finally:
        os.close(fd)
    return True


def is_left(fd: int) -> bool:
    """Whether no guard holds an open log. Takes a shared lock: others may look as well."""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()
