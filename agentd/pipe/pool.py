"""The worker processes of one run: who gets the next task, whose result is there."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import Any

from agentd.pipe.chunks import Data
from agentd.pipe.worker import Work, Worker, start_workers, stop_workers

_TASKS_PER_WORKER = 2  # the next one is at hand when a worker is done with the last


class Pool:
    """Workers that are all begun alike; a context manager that ends them.

    A ticket is what the caller knows a task by.
    """

    def __init__(self, begin: Callable[[], Work], size: int) -> None:
        self._begin = begin
        self._size = size
        self._workers: list[Worker] = []

    def __enter__(self) -> None:
        self._workers, self._group = start_workers(self._begin, self._size)

    def __exit__(self, *_: object) -> None:
        stop_workers(self._group)
        for worker in self._workers:
            worker.close()

    def idle(self) -> bool:
        """Whether a worker has nothing to do."""
        return not all(worker.tickets for worker in self._workers)

    def room(self) -> bool:
        """Whether a worker can take another task."""
        return any(map(_can_take, self._workers))

    def submit(self, ticket: object, task: Any, data: bytes) -> None:
        """Give the task to the worker with the fewest; only if there is ``room``."""
        able = filter(_can_take, self._workers)
        min(able, key=lambda worker: len(worker.tickets)).send(ticket, task, data)

    def submit_to_all(self, task: Any) -> None:
        """Give the same task to each worker; only at the begin."""
        for worker in self._workers:
            worker.send(None, task, b"")

    def wait(self, source: int | None) -> tuple[list[tuple[Any, Any, Data]], bool]:
        """Wait for results, or for something to read in ``source``; tell which.

        A result comes with its ticket. Raises WorkerDied.
        """
        results = {worker.results_fd: worker for worker in self._workers if worker.tickets}
        tasks = {worker.tasks_fd: worker for worker in self._workers if worker.unsent}
        readable = [*results] if source is None else [*results, source]
        ready, writable, _ = select.select(readable, list(tasks), [])
        for fd in writable:
            tasks[fd].push()
        return [results[fd].receive() for fd in ready if fd in results], source in ready


def _can_take(worker: Worker) -> bool:
    return len(worker.tickets) < _TASKS_PER_WORKER and not worker.unsent
