"""What agentd itself writes while steps run, noted for the guards that watch them.

A guard opens a log in the state folder of its project (``guard.write_log``). Whoever replaces,
moves or removes a file below that project notes there what it is about to do, and then whether it
did, under the project's lock. So a guard can tell agentd's writes, of whatever process, from those
of its agent; the next command can as well, when the guard was killed.

All processes of a project find that folder by XDG_STATE_HOME, or HOME. An agent that runs agentd
passes for agentd.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Literal

from agentd.digests import sha256
from agentd.errors import LockHeld
from agentd.locks import lock, try_lock
from agentd.state_folder import LOCK, WRITES, is_of_no_use, state_folders_around

_BLOCK_BYTES = 1 << 20


@contextlib.contextmanager
def noted(path: Path, data: bytes | None, entry: Callable[[], str] | None = None) -> Iterator[None]:
    """Note in every log around ``path`` that ``data`` replaces it, which happens in the block.

    None: it is removed. Raises OSError or LockHeld when it can't be noted; then nothing happens.
    """
    place = os.path.abspath(path)  # noqa: PTH100 - "a/../b" has other parents
    note = _Note(place, data, entry)
    try:
        with contextlib.ExitStack() as stack:
            held: set[str] = set()
            # A guard may begin meanwhile: it must not look before this write is done.
            while folders := _folders_of(logs := set(_logs_around(place)), but=held):
                for folder in folders:
                    held.add(folder)
                    with contextlib.suppress(FileNotFoundError):  # the last guard took it away
                        stack.enter_context(sole_writer(folder))
            told = {log for log in logs if note.begin(log)}
            outcome: Literal["done", "failed"] = "failed"
            try:
                yield
                outcome = "done"
            finally:
                note.end(told, outcome)
        # A guard that began since may have seen the file as it was.
        late = set(_logs_around(place)) - told
        note.end({log for log in late if note.begin(log)}, "done")
    finally:
        note.close()


def is_vouched_for(path: Path, data: bytes) -> bool:
    """Whether nobody but agentd can have made a file what it is, as far as guards know.

    It is older than every guard that watches it, or agentd has noted these bytes. What an agent
    forges while its step runs is moved away in the end; until then nobody believes it. Raises
    OSError.
    """
    changed_ns = os.lstat(path).st_ctime_ns
    place = os.path.abspath(path)  # noqa: PTH100
    return all(
        _is_older(log, changed_ns) or _has_noted(log, os.path.relpath(place, root), data)
        for root, log in _logs_around(place)
    )


def _is_older(log: str, changed_ns: int) -> bool:
    """Whether a guard began after that moment: its log's name has when."""
    began_ns = log.rpartition("/")[2].partition("-")[0]
    return began_ns.isdecimal() and changed_ns < int(began_ns)


def _has_noted(log: str, place: str, data: bytes) -> bool:
    import json

    after = _sha256(data)
    try:
        with open(log, "rb") as notes:
            for line in notes:
                if after.encode() not in line:
                    continue
                with contextlib.suppress(ValueError, AttributeError, RecursionError):
                    note = json.loads(line)
                    if note.get("after") == after and note.get("path") == place:
                        return True
    except FileNotFoundError:  # the guard is gone
        return True
    return False


_held: ContextVar[tuple[str, ...]] = ContextVar("held", default=())


@contextlib.contextmanager
def sole_writer(folder: str) -> Iterator[None]:
    """Hold the lock of a state folder: meanwhile no other agentd replaces a file of the project.

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


def tidy(folder: str) -> None:
    """Take a state folder away when no guard lives, and nobody is at work."""
    held: list[int] = []
    with contextlib.suppress(OSError, LockHeld), sole_writer(folder):
        names = os.listdir(folder)  # noqa: PTH208
        if all(map(is_of_no_use, names)):
            # The lock is the last: who waits for it sees that it is not there any more.
            paths = [f"{folder}/{name}" for name in sorted(names, key=LOCK.__eq__)]
            if all(path.endswith(f"/{LOCK}") or _take(path, held) for path in paths):
                for path in paths:
                    os.unlink(path)  # noqa: PTH108
                os.rmdir(folder)  # noqa: PTH106
    for fd in held:
        os.close(fd)


def _take(path: str, held: list[int]) -> bool:
    """Hold a lock until it is gone: who comes now sees that it is another file."""
    held.append(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK))
    return try_lock(held[-1])


class _Note:
    def __init__(self, path: str, data: bytes | None, entry: Callable[[], str] | None) -> None:
        self._path = path
        self._data = data
        self._entry = entry
        self._id = os.urandom(8).hex()
        # The file as it is, read only if a guard wants to know.
        try:
            self._old = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            self._old = -1

    def begin(self, log: tuple[str, str]) -> bool:
        """Whether a guard took the note, durably; False for a log whose guard is gone."""
        entry = self._entry() if self._entry else None
        keeps_data = self._data is not None and entry is None
        values = {
            "id": self._id,
            "path": os.path.relpath(self._path, log[0]),
            "before": self._sha256_before() if self._old >= 0 else None,
            "after": None if self._data is None else _sha256(self._data),
            "content": _base64(self._data or b"") if keeps_data else None,
            "entry": entry,
        }
        return append_note(log[1], values, durably=True)

    def end(self, logs: set[tuple[str, str]], outcome: Literal["done", "failed"]) -> None:
        for _, log in logs:
            with contextlib.suppress(OSError):  # left open on a full disk, as if killed
                append_note(log, {"id": self._id, "outcome": outcome})

    def close(self) -> None:
        if self._old >= 0:
            os.close(self._old)

    def _sha256_before(self) -> str:
        digest, at = sha256(size=os.fstat(self._old).st_size), 0
        while block := os.pread(self._old, _BLOCK_BYTES, at):  # an agent may have made it huge
            digest.update(block)
            at += len(block)
        return digest.hexdigest()


def _folders_of(logs: set[tuple[str, str]], *, but: set[str]) -> list[str]:
    """The state folders of logs, the outermost project first, without those of ``but``."""
    found = {_folder(log): log[0] for log in logs}
    return sorted(found.keys() - but, key=lambda folder: (len(found[folder]), folder))


def _folder(log: tuple[str, str]) -> str:
    return log[1].rpartition("/")[0]


def _logs_around(path: str) -> Iterator[tuple[str, str]]:
    """The logs of the projects around a file, each behind its project's root.

    As text: it is asked for at every write.
    """
    for root, folder in state_folders_around(path):
        try:
            names = os.listdir(folder)  # noqa: PTH208
        except OSError:
            continue
        yield from ((root, f"{folder}/{name}") for name in names if name.endswith(WRITES))


def append_note(log: str, values: dict[str, str | None], *, durably: bool = False) -> bool:
    """Append a line to a log; False when it is gone. Raises OSError."""
    import json

    try:
        fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        # A line end before it too: what a full disk cut off must not swallow the next note.
        line = f"\n{json.dumps(values)}\n".encode()
        if os.write(fd, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), log)
        if durably:
            os.fsync(fd)
    finally:
        os.close(fd)
    return True


def _base64(data: bytes) -> str:
    import binascii  # the module base64 takes longer to load

    return binascii.b2a_base64(data, newline=False).decode()


def _sha256(data: bytes) -> str:
    return str(sha256(data).hexdigest())
