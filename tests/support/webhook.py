"""A server on loopback that answers as a test wants, and keeps what it was sent."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Webhook:
    """``url`` has a secret path; ``sent`` are the bodies, in the order in which they came.

    ``paths`` are what stands behind that path, ``headers`` those of the requests, in that order.
    """

    url: str
    sent: list[Any] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    headers: list[Message] = field(default_factory=list)

    def wait_for(self, count: int, timeout_s: float = 30) -> list[Any]:
        """What was sent, once that are so many."""
        until = time.monotonic() + timeout_s
        while len(self.sent) < count and time.monotonic() < until:
            time.sleep(0.02)
        return self.sent


@contextlib.contextmanager
def webhook(
    *,
    status: int = 200,
    delay_s: float = 0,
    location: str = "",
    read: Callable[[bytes], Any] = json.loads,
) -> Iterator[Webhook]:
    """One that answers with ``status`` after ``delay_s``; ``read`` makes of a body what is kept."""
    end = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.kinds.append(self.headers["content-type"])
            found.paths.append(self.path.partition("SECRETPATH")[2])
            found.headers.append(self.headers)
            found.sent.append(read(body))
            end.wait(delay_s)
            with contextlib.suppress(OSError):
                self.send_response(status)
                if location:
                    self.send_header("location", location)
                self.send_header("content-length", "0")
                self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Webhook(f"http://127.0.0.1:{server.server_port}/services/SECRETPATH")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield found
    finally:
        end.set()
        server.shutdown()
        server.server_close()
