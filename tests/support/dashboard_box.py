"""`agentd dashboard` as a process of its own, asked over plain HTTP."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

CONFIG = """
project_name = "shown"
[claude]
[budget]
limit_usd = 50.0
warn_at_percent = 90
"""


@dataclass
class Served:
    """A dashboard that runs; ``url`` is what it printed."""

    url: str
    process: subprocess.Popen[str]

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 0

    @property
    def address(self) -> str:
        return urlsplit(self.url).hostname or ""

    def ask(
        self, path: str = "/", method: str = "GET", **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body; an underscore in a header's name stands for a dash."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        with contextlib.closing(connection):
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.putrequest(method, path, skip_host="Host" in named)
            for name, value in named.items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def json(self, path: str) -> Any:
        status, _, body = self.ask(path)
        assert status == 200, body
        return json.loads(body)

    @contextlib.contextmanager
    def events(self) -> Iterator[Events]:
        with contextlib.closing(socket.create_connection(("127.0.0.1", self.port))) as connection:
            head = f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n\r\n"
            connection.sendall(head.encode())
            yield Events(connection)


class Events:
    """The server-sent events of one open page."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._data = b""

    def next(self, timeout_s: float = 20) -> tuple[str, Any]:
        """The name and the document of the next event. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while True:
            before, found, rest = self._data.partition(b"\n\n")
            if found:
                self._data = rest
                if b"event: " in before:
                    name, _, data = before.partition(b"event: ")[2].partition(b"\ndata: ")
                    # The pieces of HTTP's chunked form stand between lines of their own.
                    return name.decode(), json.loads(data)
                continue
            if not select.select([self._connection], [], [], deadline - time.monotonic())[0]:
                raise TimeoutError
            self._data += _unchunked(self._connection.recv(1 << 20))

    def until(self, name: str, **wanted: Any) -> Any:
        """The next document of an event that holds these values."""
        while True:
            is_, document = self.next()
            if is_ == name and all(document.get(key) == value for key, value in wanted.items()):
                return document


def _unchunked(data: bytes) -> bytes:
    lines = data.split(b"\r\n")
    return b"".join(line for line in lines if not _is_size(line))


def _is_size(line: bytes) -> bool:
    with contextlib.suppress(ValueError):
        return len(line) < 9 and int(line, 16) >= 0
    return False


@contextlib.contextmanager
def dashboard(root: Path, *arguments: str, **environ: str) -> Iterator[Served]:
    """The dashboard of the project at ``root``, until the test is done with it."""
    command = [sys.executable, "-m", "agentd", "dashboard", "--port", "0", *arguments]
    process = subprocess.Popen(
        command,
        cwd=root,
        env={**os.environ, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("Dashboard: http"), process.stderr.read()
        yield Served(line.split()[1], process)
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors
        assert errors == "Ctrl-C ends it.\n"
