"""The server of the page: its files, what they ask for, and the events."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, tzinfo
from pathlib import Path

from aiohttp import web

from agentd.clock import precise_utc_now
from agentd.dashboard import access, wire
from agentd.dashboard.change_page import change_document, forecast_document, requests_document
from agentd.dashboard.charts import Charts
from agentd.dashboard.entry import Entry
from agentd.dashboard.live import Live
from agentd.dashboard.page_files import TYPES, page_files
from agentd.errors import InputError
from agentd.periods import zone
from agentd.project.layout import Project

DEFAULT_PORT = 8377
_KEEP_ALIVE_S = 15.0
_MOST_ZONES = 8
_LIVE, _FILES = web.AppKey("live", Live), web.AppKey("files", dict[str, bytes])
_CHARTS = web.AppKey("charts", dict[str, Charts])


def application(
    project: Project, rules: access.Access, state_files: Sequence[Path] = ()
) -> web.Application:
    """The page of a project, and of the agents whose states these files hold."""
    app = web.Application(middlewares=[access.middleware(rules)])
    app[_LIVE], app[_FILES], app[_CHARTS] = Live(project, state_files), page_files(), {}
    app.router.add_get("/", _file)
    app.router.add_get("/page/{name}", _file)
    app.router.add_get("/events", _events)
    app.router.add_get("/api/charts", _charts)
    app.router.add_get("/api/changes/{key}", _change)
    app.router.add_get("/api/changes/{key}/forecast", _forecast)
    app.router.add_get("/api/changes/{key}/calls/{call}", _requests)
    app.cleanup_ctx.append(_watching)
    return app


async def _watching(app: web.Application) -> AsyncIterator[None]:
    task = app[_LIVE].task = asyncio.create_task(app[_LIVE].watch())
    yield
    task.cancel()
    await asyncio.wait({task})


async def _file(request: web.Request) -> web.Response:
    name = request.match_info.get("name", "index.html")
    body = request.app[_FILES].get(name)
    if body is None:
        raise web.HTTPNotFound
    kind = TYPES[name.rpartition(".")[2]]
    return web.Response(body=body, content_type=kind, charset="utf-8")


async def _events(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={**access.HEADERS, "Content-Type": "text/event-stream"})
    await answer.prepare(request)
    with request.app[_LIVE].page() as queue:
        while True:
            try:
                told = await asyncio.wait_for(queue.get(), _KEEP_ALIVE_S)
            except TimeoutError:
                told = b": still here\n\n"
            try:
                await answer.write(told)
            except ConnectionError:
                return answer


async def _charts(request: web.Request) -> web.Response:
    name, here = _zone(request)
    index = await request.app[_LIVE].current()
    known = request.app[_CHARTS]
    if name not in known and len(known) >= _MOST_ZONES:
        known.clear()
    charts = known.setdefault(name, Charts(here))
    cells = {key: one.sums.cells for key, one in index.entries.items()}
    return await _json(lambda: charts.document(cells))


async def _change(request: web.Request) -> web.Response:
    _, here = _zone(request)
    entry = await _entry(request)
    return await _json(lambda: change_document(entry, here, precise_utc_now()))


async def _forecast(request: web.Request) -> web.Response:
    entry = await _entry(request)
    return await _json(lambda: forecast_document(entry))


async def _requests(request: web.Request) -> web.Response:
    entry = await _entry(request)
    return await _json(lambda: requests_document(entry, request.match_info["call"]))


async def _entry(request: web.Request) -> Entry:
    """The change that is asked for: a key of the index, which no path is made of."""
    index = await request.app[_LIVE].current()
    if (entry := index.entries.get(request.match_info["key"])) is None:
        raise web.HTTPNotFound
    return entry


async def _json(made: Callable[[], object]) -> web.Response:
    """What is made in a thread of its own, as JSON; None is not found."""

    def of() -> bytes | None:
        document = made()
        return None if document is None else wire.as_bytes(document)

    body = await asyncio.to_thread(of)
    if body is None:
        raise web.HTTPNotFound
    return web.Response(body=body, content_type="application/json", charset="utf-8")


def _zone(request: web.Request) -> tuple[str, tzinfo]:
    """The zone that is asked for, UTC for one that nobody knows."""
    name = request.query.get("zone", "UTC")
    with contextlib.suppress(LookupError, ValueError, OSError):
        return name, zone(name)
    return "UTC", UTC


async def serve(
    project: Project,
    host: str,
    port: int | None,
    ready: Callable[[str], None],
    state_files: Sequence[Path] = (),
) -> None:
    """Serve the page until SIGINT or SIGTERM; ``ready`` gets its address once it can be opened.

    Without a ``port`` DEFAULT_PORT is taken, or any that is free. Raises InputError where the
    address can't be had.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    sockets = _listen(host, port)
    rules = access.Access(host, sockets.getsockname()[1])
    app = application(project, rules, state_files)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2, handle_signals=False)
    await runner.setup()
    try:
        await web.SockSite(runner, sockets).start()
        ready(rules.url)
        await _until(stop, app[_LIVE].task)
    finally:
        await runner.cleanup()


async def _until(stop: asyncio.Event, watching: asyncio.Task[None] | None) -> None:
    """Wait; a watch that ends before is a bug, and a page that shows old figures for ever."""
    stopped = asyncio.create_task(stop.wait())
    every = {stopped, *([watching] if watching else [])}
    done, _ = await asyncio.wait(every, return_when=asyncio.FIRST_COMPLETED)
    for task in done - {stopped}:
        task.result()


def _listen(host: str, port: int | None) -> socket.socket:
    problem: Exception | None = None
    why = "is no address"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for number in (DEFAULT_PORT, 0) if port is None else (port,):
        try:
            return socket.create_server((host, number), family=family)
        except OSError as error:
            problem, why = error, error.strerror or str(error)
        except (UnicodeError, TypeError) as error:
            problem, why = error, "is no name of a host"
    raise InputError(
        f"{host} port {DEFAULT_PORT if port is None else port}: {why}",
        fix="Take another port, or --port 0 for any that is free; --host takes an address of this "
        "machine.",
    ) from problem
