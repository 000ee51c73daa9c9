"""Requests and answers as nobody should send them: each is metered, and none tells a secret."""

from __future__ import annotations

import json
import resource
import socket
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import pytest
from support.raw_api import DELTA, END, START, Asked, head, message, raw_api, sse
from support.relayed import ask, relayed

_BODY = b'{"model":"m-1"}'


def _raw(url: str, request: bytes, *, then: bytes = b"") -> bytes:
    """Send bytes as they are; ``then`` once something has come back. All that came."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as connection:
        connection.sendall(request.replace(b"PREFIX", parts.path.encode()))
        came = b""
        if then:
            came = connection.recv(1 << 16)
            connection.sendall(then)
        while block := connection.recv(1 << 16):
            came += block
        return came


@pytest.mark.parametrize(
    "path",
    [
        "/v1/mess%61ges",
        "/v1/messages#here",
        "/v1/messages/%2e",
        "/v1/messages/",
        "/v1/messages;a=b?c",
        "/v1/Messages%20",
    ],
)
def test_a_path_is_metered_however_it_is_written(path: str, tmp_path: Path) -> None:
    with raw_api(message) as api, relayed(tmp_path, api.url) as relay:
        assert ask(relay.url, path)[0] == 200
        [request] = relay.ended()
        assert (request.id, request.exact) == ("msg_1", True)


@pytest.mark.parametrize(
    "request_",
    [
        b"POST PREFIX/v1/messages HTTP/1.1\r\nx-api-key: SECRET\x00\r\n\r\n",
        b"POST PREFIX/v1/messages HTTP/1.1\r\nx-api-key SECRET\r\n\r\n",
        b"POST PREFIX/v1/messages HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nSECRET\r\n",
        b"POST PREFIX/v1/\xff?key=SECRET HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_http_is_not_written_into_the_log(request_: bytes, tmp_path: Path) -> None:
    with raw_api(message) as api, relayed(tmp_path, api.url) as relay:
        assert b"400 Bad Request" in _raw(relay.url, request_)
        assert api.asked == []
    complaints = (tmp_path / "meter.log").read_text()
    assert "web_protocol.py" in complaints  # where it went wrong is told
    assert "SECRET" not in complaints


def test_a_client_that_waits_for_100_continue_and_one_that_offers_http_2(tmp_path: Path) -> None:
    line = b"POST PREFIX/v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n" % len(_BODY)
    with raw_api(message) as api, relayed(tmp_path, api.url) as relay:
        close = b"connection: close"
        waits = line + close + b"\r\nexpect: 100-continue\r\n\r\n"
        came = _raw(relay.url, waits, then=_BODY)
        assert came.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200")
        offers = line + close + b", upgrade\r\nupgrade: h2c\r\n\r\n" + _BODY
        assert _raw(relay.url, offers).startswith(b"HTTP/1.1 200")
        assert len(relay.ended(2)) == 2


def test_names_that_are_no_unicode_are_kept_as_far_as_they_are(tmp_path: Path) -> None:
    def answers(_: Asked, out: BinaryIO) -> None:
        odd = {"id": "\ud800", "model": "m\udfff"}
        start = {**START, "message": {**START["message"], **odd}}  # type: ignore[dict-item]
        out.write(head("connection: close") + sse(start, DELTA, END))

    with raw_api(answers) as api, relayed(tmp_path, api.url) as relay:
        assert ask(relay.url, model="m\ud800")[0] == 200
        [request] = relay.ended()
        assert (request.model, request.usage.input_tokens, request.exact) == ("m\ufffd", 900, True)


def test_what_cannot_be_recorded_is_not_sent_and_a_line_that_was_torn_costs_no_other(
    tmp_path: Path,
) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with raw_api(message) as api, relayed(tmp_path, api.url) as relay:
        assert ask(relay.url)[0] == 200
        relay.ended()
        room = relay.log.stat().st_size + 20  # as a full disk, which takes a part of the next line
        resource.prlimit(relay.process.pid, resource.RLIMIT_FSIZE, (room, hard))
        status, answer = ask(relay.url)
        assert (status, json.loads(answer)["error"]["message"][:45]) == (
            507,
            "agentd's relay can't keep a record of this re",
        )
        assert len(api.asked) == 1
        resource.prlimit(relay.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        assert ask(relay.url)[0] == 200
        assert [one.exact for one in relay.requests()] == [True, True]


def test_an_answer_whose_end_cannot_be_recorded_reaches_the_cli_and_counts(tmp_path: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def answers(_: Asked, out: BinaryIO) -> None:
        size = relay.log.stat().st_size
        resource.prlimit(relay.process.pid, resource.RLIMIT_FSIZE, (size, hard))
        out.write(head("connection: close") + sse(START, DELTA, END))

    with raw_api(answers) as api, relayed(tmp_path, api.url) as relay:
        status, answer = ask(relay.url)
        assert (status, b"end_turn" in answer) == (200, True)
        [request] = relay.requests()
        assert request.estimated == {"input_tokens", "output_tokens"}
