"""What goes through the relay may have any size: it arrives whole, in memory that stays flat."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pytest
from support.raw_api import (
    DELTA,
    END,
    START,
    Asked,
    connection_to,
    head,
    message,
    peak_mib,
    raw_api,
    sse,
)
from support.relayed import ask, relayed

MIB = 1 << 20
BLOCK = sse(*[DELTA] * 100)
MOST_GROWTH_MIB = 20

linux = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")


def long_answer(_: Asked, out: BinaryIO) -> None:
    out.write(head("connection: close") + sse(START))
    for _ in range(200 * MIB // len(BLOCK) + 1):
        out.write(BLOCK)
    out.write(sse(END))


@linux
def test_an_answer_of_200_mb(tmp_path: Path) -> None:
    with raw_api(long_answer) as api, relayed(tmp_path, api.url) as relay:
        ask(relay.url, "/v1/other")  # it has loaded what it needs then
        before = peak_mib(relay.process.pid)
        connection, path = connection_to(relay.url)
        connection.request("POST", path, b'{"model": "m-1", "stream": true}')
        answer = connection.getresponse()
        arrived, size = hashlib.sha256(), 0
        while block := answer.read(MIB):
            arrived.update(block)
            size += len(block)
        connection.close()
        sent = hashlib.sha256(sse(START))
        for _ in range(200 * MIB // len(BLOCK) + 1):
            sent.update(BLOCK)
        sent.update(sse(END))
        assert size > 200 * MIB
        assert arrived.digest() == sent.digest()
        [request] = relay.ended()
        assert (request.usage.input_tokens, request.usage.output_tokens) == (900, 40)
        assert request.exact
        assert peak_mib(relay.process.pid) - before < MOST_GROWTH_MIB


@linux
def test_a_client_that_reads_slowly_is_waited_for(tmp_path: Path) -> None:
    """The API is slowed down with it; nothing piles up in the relay."""
    with raw_api(long_answer) as api, relayed(tmp_path, api.url) as relay:
        ask(relay.url, "/v1/other")
        before = peak_mib(relay.process.pid)
        connection, path = connection_to(relay.url)
        connection.request("POST", path, b'{"model": "m-1", "stream": true}')
        answer = connection.getresponse()
        for _ in range(5):
            assert answer.read(1000)
            time.sleep(0.1)
        assert ask(relay.url, "/v1/other")[0] == 200  # others are served meanwhile
        assert peak_mib(relay.process.pid) - before < MOST_GROWTH_MIB
        connection.sock.close()
        answer.close()
        [request] = relay.ended()
        assert "output_tokens" in request.estimated
        assert request.usage.input_tokens == 900


@linux
def test_bodies_of_30_mb_arrive_as_they_were_sent(tmp_path: Path) -> None:
    body = json.dumps({"model": "m-1", "stream": True, "image": "x" * (30 * MIB)}).encode()

    def send(url: str) -> int:
        connection, path = connection_to(url)
        connection.request("POST", path, body)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    with raw_api(message) as api, relayed(tmp_path, api.url) as relay:
        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(send, [relay.url] * 3)) == [200] * 3
        peak = peak_mib(relay.process.pid)
        for _ in range(4):
            assert send(relay.url) == 200
        assert {hashlib.sha256(asked.body).digest() for asked in api.asked} == {
            hashlib.sha256(body).digest()
        }
        assert [request.exact for request in relay.ended(7)] == [True] * 7
        assert {line["body_bytes"] for line in relay.lines() if line["is"] == "started"} == {
            len(body)
        }
        assert peak_mib(relay.process.pid) - peak < MOST_GROWTH_MIB  # none of it is kept
