"""The worker processes of one run: who gets the next task, whose result is there."""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, TypeVar

from agentd.pipe.chunks import Data
from agentd.pipe.worker import Work, Worker, start, stop

Ticket = TypeVar("Ticket")

_TASKS_PER_WORKER = 2  # the next one is at hand when a worker is done with the last


class Pool(Generic[Ticket]):
    """Workers that are all begun alike; a context manager that ends them.

    A ticket is what the caller knows a task by.
    """

    def __init__(self, begin: Callable[[], Work], size: int) -> None:
        self._begin = begin
        self._size = size
        self._workers: list[Worker] = []
        self._tickets: dict[Worker, deque[Ticket]] = {}

    def __enter__(self) -> Pool[Ticket]:
        self._workers, self._group = start(self._begin, self._size)
        self._tickets = {worker: deque() for worker in self._workers}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        stop(self._group)
        for worker in self._workers:
            worker.close()

    def idle(self) -> bool:
        """Whether a worker has nothing to do."""
        return not all(self._tickets.values())

    def room(self) -> bool:
        """Whether a worker can take another task."""
        return any(map(self._can_take, self._workers))

    def submit(self, ticket: Ticket, task: Any, data: bytes) -> None:
        """Give the task to the worker with the fewest; only if there is ``room``."""
        able = filter(self._can_take, self._workers)
        self._give(min(able, key=lambda worker: len(self._tickets[worker])), ticket, task, data)

    def submit_to_all(self, ticket: Ticket, task: Any) -> None:
        """Give the same task to each worker; only at the begin."""
        for worker in self._workers:
            self._give(worker, ticket, task, b"")

    def wait(self, source: int | None) -> tuple[list[tuple[Ticket, Any, Data]], bool]:
        """Wait for results, or for something to read in ``source``; tell which.

        Raises WorkerDied.
        """
        results: dict[int, Worker] = {
            worker.results_fd: worker for worker in self._workers if self._tickets[worker]
        }
        tasks = {worker.tasks_fd: worker for worker in self._workers if worker.unsent}
        readable = [*results] if source is None else [*results, source]
        ready, writable, _ = select.select(readable, list(tasks), [])
        for fd in writable:
            tasks[fd].push()
        done = []
        for fd in ready:
            if worker := results.get(fd):
                done.append((self._tickets[worker].popleft(), *worker.receive()))
        return done, source in ready

    def _give(self, worker: Worker, ticket: Ticket, task: Any, data: bytes) -> None:
        self._tickets[worker].append(ticket)
        worker.send(task, data)

    def _can_take(self, worker: Worker) -> bool:
        return len(self._tickets[worker]) < _TASKS_PER_WORKER and not worker.unsent
