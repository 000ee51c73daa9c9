"""The relay of one run: everything is forwarded unchanged, both ways, and what is billed is read.

The CLI reaches it at ``http://127.0.0.1:PORT/TOKEN``; without the token it answers 404, so that
other users of the machine stay out. Keys and bodies are written nowhere. It ends when nobody is
left who could use it: agentd and all processes of the run hold the other end of its lifeline.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import os
import socket
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from agentd.frozen import frozen
from agentd.meter.exchange import Exchange, Ratios
from agentd.meter.gate import Gate, OpenGate
from agentd.meter.otlp import Receiver
from agentd.meter.request_log import RequestLog
from agentd.meter.upstream import Upstream
from agentd.metering.dialects import decoded, dialect_of, plain_path
from agentd.metering.dialects.asked import OfCli
from agentd.providers.network import HEADER_BYTES, session_to
from agentd.providers.telemetry import ReadEvent

_UPGRADE_REQUIRED = 426  # a CLI then falls back from its WebSocket to HTTP at once
_NO_STORAGE = 507
_TELEMETRY = "/otlp/"
_LAST_S = 30.0  # for answers that are under way when the run has ended

Refuse = Callable[[str], tuple[int, Mapping[str, Any]]]
"""From a message to the status and JSON body with which a CLI ends at once."""


@frozen(kw_only=True)
class RelaySettings:
    """What one relay needs.

    ``upstream`` is the API's base URL, "" where no request comes here; ``log`` is the run's file.
    ``user_agents`` are how the headers of the CLI's own requests begin: others are API calls of the
    project; () when nobody knows. ``of_cli`` reads what its requests tell beside their API's
    language. ``read_event`` reads the CLI's telemetry, which comes to /otlp.
    """

    token: str
    upstream: str
    log: Path
    lifeline: int | None = None
    user_agents: tuple[str, ...] = ()
    of_cli: OfCli | None = None
    read_event: ReadEvent | None = None


class _Silent(logging.Formatter):
    """Tells where an error happened, not its text: that may hold keys and prompts."""

    def formatException(self, ei: Any) -> str:
        """The lines of the traceback, and the error's type."""
        kind, _, at = ei
        return f"{''.join(traceback.format_tb(at))}{kind.__name__}"


def _tell_errors_without_their_text() -> None:
    """aiohttp and asyncio log to stderr, which is the run's meter.log."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Silent())
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


async def serve(
    listening: socket.socket, settings: RelaySettings, gate: Gate, refuse: Refuse
) -> None:
    """Relay requests until the lifeline ends and no request is under way."""
    _tell_errors_without_their_text()
    async with session_to(settings.upstream) as session:
        relay = _Relay(settings, gate, refuse, Upstream(settings.upstream, session))
        server = web.Server(
            relay.handle,
            request_factory=_request_of_any_size,
            access_log=None,
            handler_cancellation=True,  # a CLI that goes away ends its request to the API too
            auto_decompress=False,
            max_line_size=HEADER_BYTES,
            max_field_size=HEADER_BYTES,
            max_headers=HEADER_BYTES,
        )
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, listening).start()
        await _end_of(settings.lifeline)
        relay.is_over = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(relay.idle.wait(), _LAST_S)
        await runner.cleanup()
        relay.close()  # who waits for its last line need not wait for the end of the process


def _request_of_any_size(
    message: aiohttp.http_parser.RawRequestMessage,
    payload: aiohttp.StreamReader,
    protocol: web.RequestHandler,
    writer: aiohttp.abc.AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.BaseRequest:
    """By itself aiohttp refuses a body of more than 1 MiB."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=0)


async def _end_of(lifeline: int | None) -> None:
    """Wait until nobody holds the other end any more, or agentd says by a byte that it has ended.

    For ever without one.
    """
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def look() -> None:
        os.read(lifeline or 0, 1)
        loop.remove_reader(lifeline or 0)
        ended.set()

    if lifeline is not None:
        loop.add_reader(lifeline, look)
    await ended.wait()


class _Relay:
    def __init__(
        self, settings: RelaySettings, gate: Gate, refuse: Refuse, upstream: Upstream
    ) -> None:
        self._settings = settings
        self._prefix = f"/{settings.token}/"
        self._gate = gate
        self._refuse = refuse
        self._upstream = upstream
        self._log = RequestLog(settings.log)
        self._ratios = Ratios()
        read, at_wire = settings.read_event, bool(settings.upstream)
        self._receiver = Receiver(read, self._log, at_wire=at_wire) if read else None
        self._under_way = 0
        self.is_over = False
        self.idle = asyncio.Event()
        self.idle.set()

    def close(self) -> None:
        """Let go of the log: nothing more is written."""
        self._log.close()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request of the CLI, or of one of its children."""
        given = request.raw_path[: len(self._prefix)]
        is_known = hmac.compare_digest(given.encode(), self._prefix.encode())
        if not is_known or self.is_over:  # what comes after a run would be in no call
            return web.Response(status=404)
        if "websocket" in request.headers.get("upgrade", "").lower():
            return web.Response(status=_UPGRADE_REQUIRED)
        if request.headers.get("expect", "").lower() == "100-continue" and request.transport:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._under_way += 1
        self.idle.clear()
        try:
            return await self._take(request, request.raw_path[len(self._prefix) - 1 :])
        finally:
            self._under_way -= 1
            if not self._under_way:
                self.idle.set()

    async def _take(self, request: web.BaseRequest, rest: str) -> web.StreamResponse:
        path = plain_path(rest)
        if path.startswith(_TELEMETRY):
            return await self._hear(request)
        if not self._settings.upstream:
            return web.Response(status=404)
        dialect = dialect_of(request.method, path)
        if dialect is None:
            body = request.content if request.can_read_body else None
            return await self._upstream.forward(request, rest, body, None)
        data = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        plain = decoded(data, headers.get("content-encoding", ""))
        asked = dialect.asked(path, headers, plain, self._settings.of_cli)
        if not headers.get("user-agent", "").startswith(self._settings.user_agents or ("",)):
            asked = replace(asked, thread="other")
        ratios = self._ratios
        exchange = Exchange(
            dialect, asked, ratios.input_tokens(asked), self._log, ratios.to_be_counted(plain)
        )
        why = await self._refusal(exchange, plain)
        if why is not None:
            self._log.refused(asked, why)
            status, answer = self._refuse(why)
            return web.json_response(answer, status=status)
        try:
            exchange.sent()
        except OSError as error:  # what can't be recorded is not sent
            self._gate.ended(exchange.key, [])
            text = f"agentd's relay can't keep a record of this request: {error.strerror}"
            return web.json_response({"error": {"message": text}}, status=_NO_STORAGE)
        try:
            return await self._upstream.forward(request, rest, data, exchange)
        finally:
            # Also when the CLI went away, or the API did: what had come counts.
            requests = exchange.over()
            if requests:
                self._ratios.learn(asked, requests[0])
                if self._receiver and asked.thread != "other":
                    self._receiver.seen(exchange.key, requests[0])
            self._gate.ended(exchange.key, requests)

    async def _hear(self, request: web.BaseRequest) -> web.StreamResponse:
        """A batch of the CLI's telemetry."""
        body = decoded(await request.read(), request.headers.get("content-encoding", ""))
        try:
            if self._receiver:
                self._receiver.take(body)
        except ValueError:
            return web.Response(status=400)
        return web.json_response({})

    async def _refusal(self, exchange: Exchange, body: bytes) -> str | None:
        if type(self._gate) is OpenGate:
            return None  # a thread would take longer than all the rest
        ask = asyncio.to_thread(
            self._gate.refusal, exchange.key, exchange.asked, exchange.input_tokens, body
        )
        asking = asyncio.ensure_future(ask)
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:  # the CLI went away; the gate may let it through yet
            asking.add_done_callback(lambda _: self._gate.ended(exchange.key, []))
            raise
