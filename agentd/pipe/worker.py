"""Worker processes and the pipes to them: tasks go in, results come back in the same order."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gc
import os
import pickle
import resource
import signal
import struct
import sys
import traceback
from collections import deque
from collections.abc import Callable
from io import FileIO
from typing import Any, TypeAlias

from agentd.errors import AgentdError, InputError
from agentd.pipe.chunks import Data

# A whole chunk fits, so that the next one is at hand when a worker is done with the last.
_PIPE_BYTES = 1024 * 1024
_LENGTHS = struct.Struct("<QQ")  # of a frame's pickled value, and of the bytes behind it
_BUG_EXIT_CODE = 70

_Pipes: TypeAlias = "tuple[tuple[int, int], tuple[int, int]]"
"""For tasks and for results, each as (read, write)."""


class WorkerDied(AgentdError):
    """A worker process ended before its work was done."""

    code = "worker_died"
    exit_code = 70

    def __init__(self) -> None:
        super().__init__(
            "a worker process ended too early; lines written so far are complete",
            fix="If memory ran out, use fewer --workers; else report what it printed above.",
        )


Work: TypeAlias = "Callable[[Any, Data], tuple[Any, Data]]"
"""What a worker does: from a task and its data to a result and its data, which is not pickled."""


class Worker:
    """A worker process as its user sees it."""

    def __init__(self, tasks: int, results: int) -> None:
        self.tasks_fd = tasks
        self.results_fd = results
        self.unsent = memoryview(b"")
        self.tickets: deque[Any] = deque()  # of the tasks whose results are not there yet
        os.set_blocking(tasks, False)
        # Not buffered: a result that waits in a buffer would not wake select().
        self._results = open(results, "rb", buffering=0)  # noqa: SIM115 - close() does

    def send(self, ticket: object, task: Any, data: Data) -> None:
        """Take a task; only when there is nothing ``unsent``."""
        self.tickets.append(ticket)
        self.unsent = memoryview(b"".join(_frame(task, data)))
        self.push()

    def push(self) -> None:
        """Send as much as the pipe takes. Raises WorkerDied."""
        with contextlib.suppress(BlockingIOError):
            try:
                while self.unsent:
                    self.unsent = self.unsent[os.write(self.tasks_fd, self.unsent) :]
            except BrokenPipeError:
                raise WorkerDied from None

    def receive(self) -> tuple[Any, Any, Data]:
        """The next result, with its task's ticket; waits for it. Raises WorkerDied."""
        try:
            return self.tickets.popleft(), *_receive(self._results)
        except EOFError:
            raise WorkerDied from None

    def close(self) -> None:
        """Close the pipes; a process that waits for a task ends."""
        os.close(self.tasks_fd)
        self._results.close()


def start_workers(begin: Callable[[], Work], size: int) -> tuple[list[Worker], int]:
    """So many workers, and the number of the process group that they are.

    ``begin`` runs once and gives the work they all do: what it loads they share.
    """
    _allow_files(4 * size)
    try:
        pipes = [(_pipe(), _pipe()) for _ in range(size)]
    except OSError as error:
        if error.errno != errno.EMFILE:
            raise
        raise InputError(
            f"for {size} workers too few files may be open at a time",
            fix="Use fewer --workers, or raise the limit: ulimit -n 1024",
        ) from error
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _live(begin, pipes)
    with contextlib.suppress(PermissionError, ProcessLookupError):  # it has done so itself
        os.setpgid(pid, pid)
    for (tasks, _), (_, results) in pipes:
        os.close(tasks)
        os.close(results)
    return [Worker(tasks, results) for (_, tasks), (results, _) in pipes], pid


def _allow_files(more: int) -> None:
    """Raise the number of files that this process may have open, as far as it may (macOS: 256)."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = more + 64 if most == resource.RLIM_INFINITY else min(more + 64, most)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def stop_workers(group: int) -> None:
    """End them, whatever they are doing; they have nothing to lose."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
    os.waitpid(group, 0)


def _live(begin: Callable[[], Work], pipes: list[_Pipes]) -> None:
    """The life of the new process: it never returns, nor runs what its parent has on the stack."""
    code = _BUG_EXIT_CODE
    try:
        os.setpgid(0, 0)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # its parent is told, too, and ends it
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        for (_, tasks), (results, _) in pipes:
            os.close(tasks)
            os.close(results)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)  # a reader of its parent's output must see when that one ends
        os.dup2(nothing, 1)
        gc.disable()  # counting makes no cycles
        work = begin()
        own = pipes[0]
        for others in pipes[1:]:
            if os.fork() == 0:
                own = others
                break
        for (tasks, _), (_, results) in pipes:
            if tasks != own[0][0]:
                os.close(tasks)
                os.close(results)
        _serve(work, tasks=own[0][0], results=own[1][1])
    except (EOFError, BrokenPipeError):
        code = 0  # its parent has ended
    except BaseException:  # noqa: BLE001 - shown here; the parent sees that it ended
        traceback.print_exc()
    finally:
        os._exit(code)


def _serve(work: Work, *, tasks: int, results: int) -> None:
    """Work until there are no more tasks, which raises EOFError."""
    with open(tasks, "rb", buffering=0) as source, open(results, "wb") as sink:
        while True:
            for part in _frame(*work(*_receive(source))):
                sink.write(part)
            sink.flush()


def _frame(value: Any, data: Data) -> tuple[bytes, bytes, Data]:
    pickled = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return _LENGTHS.pack(len(pickled), len(data)), pickled, data


def _receive(source: FileIO) -> tuple[Any, Data]:
    """One frame's value and bytes. Raises EOFError."""
    pickled, data = _LENGTHS.unpack(_read(source, _LENGTHS.size))
    return pickle.loads(_read(source, pickled)), _read(source, data)


def _read(source: FileIO, size: int) -> bytearray:
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        count = source.readinto(rest)
        if not count:
            raise EOFError
        rest = rest[count:]
    return data


def _pipe() -> tuple[int, int]:
    reading, writing = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):  # a user may have only so much of it
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return reading, writing
