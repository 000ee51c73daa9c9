"""A relay in a process of its own, before an API on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import itertools
import json
import logging
import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.context import ForkProcess
from pathlib import Path
from urllib.parse import urlsplit

from agentd.meter.gate import OpenGate
from agentd.meter.logged_requests import read_requests
from agentd.meter.request_log import NAME
from agentd.metering.dialects.asked import Asked
from agentd.metering.requests import ApiRequest
from agentd.providers import PROVIDERS


class _Gate(OpenGate):
    def refusal(self, key: str, asked: Asked, input_tokens: int, body: bytes) -> str | None:
        return "the budget is spent" if asked.model == "too-dear" else None


def _refused(why: str) -> tuple[int, dict[str, object]]:
    return 402, {"error": {"message": why}}


@dataclass
class Relayed:
    """A running relay: its URL for the CLI, and what it has logged."""

    url: str
    log: Path
    process: ForkProcess

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
    from agentd.meter import relay  # it takes longer to load than a test takes

    cli = PROVIDERS[provider].cli() if provider else None
    listening = socket.create_server(("127.0.0.1", 0), backlog=200)
    lifeline, held = os.pipe()
    settings = relay.RelaySettings(
        token="t0ken",
        upstream=upstream,
        log=folder / NAME,
        lifeline=lifeline,
        user_agents=user_agents,
        of_cli=cli and cli.asked,
        read_event=cli and cli.read_event,
    )

    def serve() -> None:
        with (folder / "meter.log").open("ab") as complaints:
            os.dup2(complaints.fileno(), 2)
        kept = sorted((2, listening.fileno(), lifeline))  # not the lifeline's other end
        for last, following in itertools.pairwise((*kept, os.sysconf("SC_OPEN_MAX"))):
            os.closerange(last + 1, following)
        os.environ.update(environ or {})
        logging.root.handlers.clear()  # pytest's
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w"), write_through=True)
        asyncio.run(relay.serve(listening, settings, _Gate(), _refused))

    process = multiprocessing.get_context("fork").Process(target=serve)
    process.start()
    os.close(lifeline)
    try:
        port = listening.getsockname()[1]
        yield Relayed(f"http://127.0.0.1:{port}/t0ken", folder / NAME, process)
    finally:
        os.close(held)
        listening.close()
        process.join(20)
        assert process.exitcode == 0


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
