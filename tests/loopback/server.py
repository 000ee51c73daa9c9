"""A loopback server that plays the Anthropic, OpenAI and Gemini APIs, and knows what it served.

with LoopbackApi([Step(text="hello", usage=ModelUsage(input_tokens=9, output_tokens=2))]) as api:
    ...  # a CLI that is pointed at api.url
assert api.told() == {"gpt-5": ModelUsage(input_tokens=9, output_tokens=2)}
"""

from __future__ import annotations

import contextlib
import json
import re
import select
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from agentd.metering.usage import ModelUsage, add
from loopback import wire
from loopback.scenario import Step

_GEMINI_PATH = re.compile(r"/models/([^/:]+):(generateContent|streamGenerateContent|countTokens)$")


@dataclass
class Request:
    """One request, its answer, and what the client was told of the usage (None: nothing).

    ``finished``: the server is done with it; ``whole``: all of its answer was sent.
    """

    api: str
    model: str
    body: str
    step: Step | None
    told: ModelUsage | None = None
    finished: bool = False
    whole: bool = False


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 200  # the usual five lose some of a hundred clients for up to 30 s


@dataclass
class LoopbackApi:
    """The server, in threads of this process; ``steps`` is what it answers."""

    steps: Iterable[Step] = ()
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.stalled = threading.Event()
        self.go_on = threading.Event()
        self.closing = threading.Event()
        self._open = list(self.steps)
        self._lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"loopback": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> LoopbackApi:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def take(self, api: str, model: str, body: str) -> Request:
        """Find the answer to a request; its step is None when the scenario has none."""
        with self._lock:
            step = next((step for step in self._open if step.fits(model, body)), None)
            if step is not None and not step.stays:
                self._open.remove(step)
            if step is not None and step.input_tokens_of is not None:
                step = replace(step, usage=_counted(step, step.input_tokens_of(body)))
            request = Request(api=api, model=model, body=body, step=step)
            self.requests.append(request)
            return request

    def add(self, *steps: Step) -> None:
        """Lengthen the scenario: for the next run of a session."""
        with self._lock:
            self._open.extend(steps)

    def unscripted(self) -> list[Request]:
        """The requests the scenario had no answer for."""
        return [request for request in self.requests if request.step is None]

    def told(self, *, after: int = 0) -> dict[str, ModelUsage]:
        """What clients were told they used, by model, from request number ``after`` on.

        Of an answer that was cut off it is what had been sent by then.
        """
        return self._by_model((r.model, r.told) for r in self.requests[after:])

    def billed(self, *, after: int = 0) -> dict[str, ModelUsage]:
        """What the API would bill at most, by model: answers that were cut off count whole."""
        return self._by_model(
            (r.model, r.step.usage if r.step and r.step.status == 200 else None)
            for r in self.requests[after:]
        )

    @staticmethod
    def _by_model(parts: Iterable[tuple[str, ModelUsage | None]]) -> dict[str, ModelUsage]:
        known = [(model, usage) for model, usage in parts if usage is not None]
        models = dict.fromkeys(model for model, _ in known)
        return {m: add(usage for model, usage in known if model == m) for m in models}


def _counted(step: Step, input_tokens: int) -> ModelUsage:
    """The step's usage with that input, or with as much as its parts are."""
    usage = step.usage
    cached = usage.cache_read_input_tokens + usage.cache_creation_input_tokens
    return replace(usage, input_tokens=max(input_tokens, cached + step.tool_prompt_tokens))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer on a kept connection takes 40 ms
    loopback: LoopbackApi

    def log_message(self, format: str, *args: Any) -> None:
        """Tests keep their output to themselves."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        self._json(404, {"error": {"message": "not found"}})

    def do_POST(self) -> None:
        body = self._body()
        content = json.loads(body or "{}")
        path = self.path.split("?")[0]
        gemini = _GEMINI_PATH.search(path)
        if gemini:
            api, model, streams = "gemini", gemini[1], gemini[2] == "streamGenerateContent"
        else:
            others = "chat" if path.endswith("/chat/completions") else "openai"
            api = "anthropic" if "/messages" in path else others
            model, streams = content.get("model", ""), bool(content.get("stream"))
        if path.endswith(("countTokens", "count_tokens")):
            self._json(200, {"input_tokens": 1, "totalTokens": 1})
        elif gemini or path.endswith(("/messages", "/responses", "/chat/completions")):
            self._answer(api, model, body, streams=streams)
        else:
            self._json(404, {"error": {"message": "not found"}})

    def _answer(self, api: str, model: str, body: str, *, streams: bool) -> None:
        request = self.loopback.take(api, model, body)
        with contextlib.suppress(ConnectionError):  # a stopped CLI does not wait for the rest
            self._send(request, streams=streams)
        request.finished = True

    def _send(self, request: Request, *, streams: bool) -> None:
        step, api = request.step, request.api
        if step is None or step.status != 200:
            status = step.status if step else 400
            self._json(status, wire.error(api, status))
        elif streams:
            self._stream(request, step)
        else:
            self._json(200, wire.whole(api, step, request.model))
            request.told = None if step.untold else step.usage
            request.whole = True

    def _stream(self, request: Request, step: Step) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        if request.api == "anthropic":
            self.send_header("request-id", f"req_loopback{id(request):x}")
        self.end_headers()
        for event in wire.stream(request.api, step, request.model):
            name = f"event: {event.name}\n" if event.name else ""
            self.wfile.write(f"{name}data: {json.dumps(event.data)}\n\n".encode())
            request.told = event.told or request.told
            if event.is_delta and step.cut:
                return
            if event.is_delta and step.stalls:
                self.loopback.stalled.set()
                self._wait_for_client_to_go()
                return
            if event.is_delta and step.pauses:
                self.loopback.stalled.set()
                self.loopback.go_on.wait(60)
        request.whole = True

    def _wait_for_client_to_go(self) -> None:
        connection: socket.socket = self.connection
        while not self.loopback.closing.is_set():
            readable, _, _ = select.select([connection], [], [], 0.05)
            if readable and not connection.recv(1, socket.MSG_PEEK):
                return

    def _body(self) -> str:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            size = int(self.headers.get("Content-Length") or 0)
            return self.rfile.read(size).decode("utf-8", "replace")
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks).decode("utf-8", "replace")

    def _json(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
