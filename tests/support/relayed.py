"""A relay in a process of its own, before an API on loopback."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from agentd.meter.logged_requests import read_requests
from agentd.meter.request_log import NAME
from agentd.metering.requests import ApiRequest

_CODE = """
import asyncio, json, socket, sys
from pathlib import Path
from agentd.meter.gate import OpenGate
from agentd.meter.relay import RelaySettings, serve
from agentd.providers import PROVIDERS
given = json.loads(sys.argv[1])
settings = RelaySettings(token="t0ken", upstream=given["upstream"], log=Path(given["log"]),
                         lifeline=given["lifeline"], user_agents=tuple(given["user_agents"]),
                         read_event=PROVIDERS[given["provider"]].cli().read_event
                         if given["provider"] else None)
class Gate(OpenGate):
    def refusal(self, key, asked, input_tokens, body):
        return "the budget is spent" if asked.model == "too-dear" else None
asyncio.run(serve(socket.socket(fileno=given["listening"]), settings, Gate(),
                  lambda why: (402, {"error": {"message": why}})))
"""


@dataclass
class Relayed:
    """A running relay: its URL for the CLI, and what it has logged."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def requests(self) -> list[ApiRequest]:
        return read_requests(self.log)

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def ended(self, count: int = 1) -> list[ApiRequest]:
        """The requests, once ``count`` of them have ended."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            lines = self.lines() if self.log.exists() else []
            if sum(line["is"] == "ended" for line in lines) >= count:
                return self.requests()
            time.sleep(0.02)
        raise AssertionError("the request never ended")


@contextlib.contextmanager
def relayed(
    folder: Path,
    upstream: str,
    environ: Mapping[str, str] | None = None,
    user_agents: tuple[str, ...] = (),
    provider: str = "",
) -> Iterator[Relayed]:
    """Start a relay before ``upstream``; it must end by itself when its lifeline ends."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=200)
    lifeline, held = os.pipe()
    given = {
        "upstream": upstream,
        "log": str(folder / NAME),
        "listening": listening.fileno(),
        "lifeline": lifeline,
        "user_agents": user_agents,
        "provider": provider,
    }
    process = subprocess.Popen(
        [sys.executable, "-c", _CODE, json.dumps(given)],
        pass_fds=(listening.fileno(), lifeline),
        env={**os.environ, **(environ or {})},
        stderr=(complaints := (folder / "meter.log").open("ab")),
    )
    complaints.close()
    os.close(lifeline)
    try:
        port = listening.getsockname()[1]
        yield Relayed(f"http://127.0.0.1:{port}/t0ken", folder / NAME, process)
    finally:
        os.close(held)
        listening.close()
        if process.poll() is None:
            assert process.wait(20) == 0


def ask(
    url: str,
    path: str = "/v1/messages",
    model: str = "m-1",
    headers: Mapping[str, str] | None = None,
    **more: object,
) -> tuple[int, bytes]:
    """Post a request for a streamed answer; its status and body."""
    body = json.dumps({"model": model, "stream": True, "messages": [], **more}).encode()
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    try:
        connection.request("POST", parts.path + path, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
