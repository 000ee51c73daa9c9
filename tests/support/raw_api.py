"""An API on loopback that answers byte by byte as a test wants, and what a client sees of it."""

from __future__ import annotations

import contextlib
import http.client
import json
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

TLS = Path(__file__).parents[2] / "fixtures" / "tls"
MESSAGE = {
    "id": "msg_1",
    "model": "m-1",
    "usage": {"input_tokens": 900, "output_tokens": 1, "cache_read_input_tokens": 0},
}
START = {"type": "message_start", "message": MESSAGE}
DELTA = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "word " * 400}}
END = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn"},
    "usage": {"output_tokens": 40},
}


def sse(*events: Mapping[str, object]) -> bytes:
    """Server-sent events."""
    return b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in events)


def head(*more: str, status: str = "200 OK", kind: str = "text/event-stream") -> bytes:
    """The head of an answer."""
    lines = [f"HTTP/1.1 {status}", f"content-type: {kind}", *more, "", ""]
    return "\r\n".join(lines).encode()


@dataclass
class Asked:
    """A request as it came in."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class RawApi:
    """Its address, and what it was asked."""

    url: str
    asked: list[Asked] = field(default_factory=list)


Answers = Callable[[Asked, BinaryIO], None]


@contextlib.contextmanager
def raw_api(answers: Answers, *, tls: bool = False) -> Iterator[RawApi]:
    """``answers`` writes one answer; then the connection is closed."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            line = self.rfile.readline().decode().strip()
            headers = {}
            while (text := self.rfile.readline().decode().strip()) != "":
                name, _, value = text.partition(": ")
                headers[name.lower()] = value
            body = self.rfile.read(int(headers.get("content-length", 0)))
            asked = Asked(line, headers, body)
            api.asked.append(asked)
            with contextlib.suppress(OSError):
                answers(asked, self.wfile)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.daemon_threads = True
    server.request_queue_size = 200
    server.server_bind()
    server.server_activate()
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    port = server.server_address[1]
    api = RawApi(f"{'https' if tls else 'http'}://127.0.0.1:{port}")
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()


def message(_: Asked, out: BinaryIO) -> None:
    """A short answer that is streamed to its end."""
    out.write(head("connection: close") + sse(START, DELTA, END))


def connection_to(url: str) -> tuple[http.client.HTTPConnection, str]:
    """A connection to a relay, and the path of Anthropic's messages there."""
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.netloc, timeout=60), f"{parts.path}/v1/messages"


def peak_mib(pid: int) -> float:
    """The peak of a process's resident memory (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
