"""Watches a project's files and tells the pages that are open what has changed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from agentd.clock import precise_utc_now
from agentd.dashboard import wire
from agentd.dashboard.agents import Agents
from agentd.dashboard.index import Index
from agentd.dashboard.project_page import project_document
from agentd.dashboard.running import Runs
from agentd.errors import AgentdError
from agentd.project.layout import Project

TICK_S = 0.025
_LONGEST_S = 0.1
_SHARE = 5  # a project with many changes is looked at more seldom
_ALL_EVERY_S = 2.0
_RUNNING_EVERY_S = 0.2
_TOLD_EVERY_S = 0.3
_FIGURES_EVERY_S = 30.0  # burn rates and periods go on though no file changes
_SNAPSHOT_S = 5.0
_AGAIN_S = 1.0
_QUEUED = 64  # a page that takes no more than that behind gets all anew


class Live:
    """The project as it is now, for every page that is open.

    The files are looked at every TICK_S, whoever writes them, and only while a page is open or
    :meth:`current` asks.
    """

    def __init__(self, project: Project, state_files: Sequence[Path] = ()) -> None:
        self.index = Index(project)
        self._agents = Agents(state_files)
        self.loaded = asyncio.Event()
        self.progress = 0, 0
        self._runs = Runs()
        self._running: list[dict[str, Any]] = []
        self._snapshot: bytes | None = None
        self._snapshot_until = 0.0
        self._problem: str | None = None
        self.task: asyncio.Task[None] | None = None
        self._pages: set[asyncio.Queue[bytes]] = set()
        self._reader = ThreadPoolExecutor(1, "agentd-reader")
        self._due = {"all": 0.0, "running": 0.0}
        self._pause_s = TICK_S
        self._busy = asyncio.Lock()

    async def watch(self) -> None:
        """Look at the files until it is cancelled."""
        loop = asyncio.get_running_loop()
        try:
            loading = loop.run_in_executor(self._reader, self.index.load, self._note)
            while not (await asyncio.wait([loading], timeout=_TOLD_EVERY_S))[0]:
                self._send(self._everything())
            await loading
            self.loaded.set()
            self._due["figures"] = time.monotonic() + _FIGURES_EVERY_S
            self._send(self._everything())
            while True:
                if self._pages:
                    await self._look_or_tell()
                await asyncio.sleep(self._pause_s)
        finally:
            self._runs.close()
            self._reader.shutdown(wait=False, cancel_futures=True)
            self._agents.close()

    async def current(self) -> Index:
        """The index after one more look at all files."""
        await self.loaded.wait()
        if not self._pages:
            self._due |= {"all": 0.0, "running": 0.0}
            await self._look_or_tell()
        return self.index

    @contextlib.contextmanager
    def page(self) -> Iterator[asyncio.Queue[bytes]]:
        """A page that is open: the events for it, all that there is first."""
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        queue.put_nowait(self._everything())
        self._pages.add(queue)
        try:
            yield queue
        finally:
            self._pages.discard(queue)

    def _note(self, read: int, every: int) -> None:
        self.progress = read, every

    async def _look_or_tell(self) -> None:
        """Look; the pages are told why that can't be done, until it can."""
        before, self._problem = self._problem, None
        try:
            await self._look()
        except (AgentdError, OSError) as error:
            self._problem = f"The files can't be read now: {error}"
            await asyncio.sleep(_AGAIN_S)
        if self._problem != before:
            self._snapshot = None
            self._send(self._everything())

    async def _look(self) -> None:
        async with self._busy:
            loop = asyncio.get_running_loop()
            told = await loop.run_in_executor(self._reader, self._look_now)
        if told is not None:
            self._snapshot = None
            self._send(told)

    def _look_now(self) -> bytes | None:
        """The event about what has changed, None where nothing has; in the reader's thread."""
        now = time.monotonic()
        changed: frozenset[str] = frozenset()
        began = time.thread_time()
        seen = self.index.glance()
        self._pause_s = min(_LONGEST_S, max(TICK_S, _SHARE * (time.thread_time() - began)))
        if seen is None or now >= self._due["all"]:
            changed = self.index.refresh()
            self._due["all"] = now + _ALL_EVERY_S
        elif seen:
            changed = self.index.refresh(seen)
        is_new = self._agents.look()
        if changed or now >= self._due["running"]:
            self._due["running"] = now + _RUNNING_EVERY_S
            every = (one.change for one in self.index.entries.values())
            at_work = [change for change in every if not change.archived_on]
            running = self._runs.now(at_work, look=bool(changed))
            is_new, self._running = is_new or running != self._running, running
        is_due = now >= self._due["figures"]
        if not changed and not is_new and not is_due:
            return None
        self._due["figures"] = now + _FIGURES_EVERY_S
        document = self._project()
        entries = self.index.entries
        document["changed"] = [entries[key].row for key in changed if key in entries]
        document["gone"] = [key for key in changed if key not in entries]
        return wire.event("update", wire.as_bytes(document))

    def _everything(self) -> bytes:
        if not self.loaded.is_set():
            read, every = self.progress
            return wire.event("loading", wire.as_bytes({"read": read, "all": every}))
        now = time.monotonic()
        if self._snapshot is None or now >= self._snapshot_until:
            self._snapshot = wire.event("snapshot", wire.as_bytes(self.document()))
            self._snapshot_until = now + _SNAPSHOT_S
        return self._snapshot

    def document(self) -> dict[str, Any]:
        """All that the page shows of the project."""
        document = self._project()
        document["changes"] = [one.row for one in self.index.entries.values()]
        return document

    def _project(self) -> dict[str, Any]:
        document = project_document(self.index, self._running, precise_utc_now())
        document["problems"] += [self._problem] if self._problem else []
        document["problems"] += self._agents.problems
        document["alerts"] += self._agents.alerts
        document["agents"] = self._agents.files
        return document

    def _send(self, told: bytes) -> None:
        for queue in self._pages:
            if queue.qsize() >= _QUEUED:
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(self._everything())
            else:
                queue.put_nowait(told)
