"""The relay between peers that are slow, go away, or stand behind a proxy."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import select
import socket
import time
import zlib
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import pytest
from support.raw_api import (
    DELTA,
    END,
    START,
    TLS,
    Answers,
    Asked,
    connection_to,
    head,
    message,
    raw_api,
    sse,
)
from support.relayed import ask, relayed


def chunked(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def test_a_body_that_comes_slowly(tmp_path: Path) -> None:
    with raw_api(message) as api, relayed(tmp_path, api.url) as relay:
        connection, path = connection_to(relay.url)
        body = b'{"model": "m-1", "stream": true}'
        connection.putrequest("POST", path)
        connection.putheader("content-length", str(len(body)))
        connection.endheaders(body[:10])
        assert ask(relay.url)[0] == 200  # another one is served meanwhile
        time.sleep(0.2)
        connection.send(body[10:])
        assert connection.getresponse().status == 200
        connection.close()
        assert [request.model for request in relay.ended(2)] == ["m-1", "m-1"]


def test_an_api_that_answers_slowly_is_passed_on_as_it_comes(tmp_path: Path) -> None:
    def slowly(_: Asked, out: BinaryIO) -> None:
        out.write(head("connection: close") + sse(START))
        time.sleep(1)
        out.write(sse(DELTA, END))

    with raw_api(slowly) as api, relayed(tmp_path, api.url) as relay:
        assert ask(relay.url, "/v1/other")[0] == 200  # it is ready then
        connection, path = connection_to(relay.url)
        began = time.monotonic()
        connection.request("POST", path, b'{"model": "m-1", "stream": true}')
        answer = connection.getresponse()
        assert b"message_start" in answer.read1()
        assert time.monotonic() - began < 0.9
        assert b"message_delta" in answer.read()
        connection.close()
        assert relay.ended()[0].exact


def test_a_client_that_closes_its_side_ends_the_request(tmp_path: Path) -> None:
    """As a CLI does when it is killed; what the API had told by then counts."""
    gone: list[bool] = []

    def endless(_: Asked, out: BinaryIO) -> None:
        out.write(head("connection: close") + sse(START))
        with contextlib.suppress(OSError):
            while True:
                out.write(sse(DELTA))
                time.sleep(0.05)
        gone.append(True)

    with raw_api(endless) as api, relayed(tmp_path, api.url) as relay:
        connection, path = connection_to(relay.url)
        connection.request("POST", path, b'{"model": "m-1", "stream": true}')
        answer = connection.getresponse()
        assert answer.read1(20)
        connection.sock.shutdown(socket.SHUT_WR)
        [request] = relay.ended()
        assert (request.usage.input_tokens, request.ended) == (900, False)
        answer.close()
        connection.close()
        deadline = time.monotonic() + 10
        while not gone and time.monotonic() < deadline:
            time.sleep(0.05)
        assert gone  # the API's connection is closed too
        assert ask(relay.url.replace("t0ken", "x"))[0] == 404  # it still serves


def no_answer(_: Asked, out: BinaryIO) -> None:
    """The connection is closed at once."""


def half_of_a_length(_: Asked, out: BinaryIO) -> None:
    out.write(head("content-length: 100000") + sse(START, DELTA))


def half_of_the_chunks(_: Asked, out: BinaryIO) -> None:
    out.write(head("transfer-encoding: chunked") + chunked(sse(START)) + chunked(sse(DELTA)))


@pytest.mark.parametrize("answers", [no_answer, half_of_a_length, half_of_the_chunks])
def test_an_answer_that_breaks_off_breaks_off_for_the_cli(answers: Answers, tmp_path: Path) -> None:
    with raw_api(answers) as api, relayed(tmp_path, api.url) as relay:
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            ask(relay.url)
        [request] = relay.ended()
        assert not request.exact
        assert request.usage.output_tokens > 0 or answers is no_answer
        assert (tmp_path / "meter.log").read_text() == ""


def test_an_end_of_http_alone_proves_nothing(tmp_path: Path) -> None:
    """Without a length a broken answer looks whole."""

    def cut(_: Asked, out: BinaryIO) -> None:
        out.write(head("connection: close") + sse(START, DELTA))

    with raw_api(cut) as api, relayed(tmp_path, api.url) as relay:
        assert ask(relay.url)[0] == 200
        [request] = relay.ended()
        assert (request.exact, request.usage.input_tokens) == (False, 900)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_stream_that_is_compressed(coding: str, tmp_path: Path) -> None:
    plain = sse(START, *[DELTA] * 50, END)
    data = gzip.compress(plain) if coding == "gzip" else zlib.compress(plain)

    def compressed(_: Asked, out: BinaryIO) -> None:
        out.write(head("connection: close", f"content-encoding: {coding}"))
        for place in range(0, len(data), 100):
            out.write(data[place : place + 100])

    with raw_api(compressed) as api, relayed(tmp_path, api.url) as relay:
        asks = {"accept-encoding": "gzip, deflate, br, zstd"}
        assert ask(relay.url, headers=asks)[1] == data
        assert relay.ended()[0].exact
        # What it can't read it does not ask for.
        assert [asked.headers["accept-encoding"] for asked in api.asked] == ["gzip"]


@pytest.mark.parametrize("asks", ["br, zstd", "zstd", ""])
def test_a_coding_that_the_relay_cant_read_is_not_asked_for(asks: str, tmp_path: Path) -> None:
    with raw_api(message) as api, relayed(tmp_path, api.url) as relay:
        ask(relay.url, headers={"accept-encoding": asks})
        assert relay.ended()[0].exact
        assert [asked.headers["accept-encoding"] for asked in api.asked] == ["identity"]


def test_a_redirect_is_the_clis_to_follow(tmp_path: Path) -> None:
    """A relay that followed it would hand the key to whoever is there."""

    def elsewhere(_: Asked, out: BinaryIO) -> None:
        out.write(head(f"location: {other.url}/v1/messages", status="307 Moved", kind="text/plain"))

    with (
        raw_api(message) as other,
        raw_api(elsewhere) as api,
        relayed(tmp_path, api.url) as relay,
    ):
        assert ask(relay.url, headers={"x-api-key": "k"})[0] == 307
        assert other.asked == []


def tunnel(asked: Asked, out: BinaryIO) -> None:
    """A proxy that connects to wherever it is asked to."""
    host, _, port = asked.line.split()[1].partition(":")
    with socket.create_connection((host, int(port))) as there:
        out.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        here: socket.socket = out._sock  # type: ignore[attr-defined]
        while True:
            for one in select.select([here, there], [], [])[0]:
                data = one.recv(1 << 16)
                if not data:
                    return
                (there if one is here else here).sendall(data)


def test_a_tls_api_behind_an_http_proxy(tmp_path: Path) -> None:
    with raw_api(message, tls=True) as api, raw_api(tunnel) as proxy:
        environ = {
            "https_proxy": proxy.url.replace("//", "//ada:pass%20word@"),
            "no_proxy": "",
            "SSL_CERT_FILE": str(TLS / "certificate.pem"),
        }
        with relayed(tmp_path, api.url, environ) as relay:
            assert ask(relay.url)[0] == 200
            assert relay.ended()[0].exact
        [asked] = proxy.asked
        assert asked.line.startswith(f"CONNECT {urlsplit(api.url).netloc} ")
        assert asked.headers["proxy-authorization"] == "Basic YWRhOnBhc3Mgd29yZA=="


def test_a_proxy_that_refuses(tmp_path: Path) -> None:
    def refuses(_: Asked, out: BinaryIO) -> None:
        out.write(head(status="407 Proxy Authentication Required", kind="text/plain"))

    with raw_api(refuses) as proxy:
        environ = {"https_proxy": proxy.url.replace("//", "//ada:secret@"), "no_proxy": ""}
        with relayed(tmp_path, "https://api.example", environ) as relay:
            status, body = ask(relay.url)
            assert (status, b"can't reach api.example" in body) == (502, True)
            assert relay.ended()[0].usage.input_tokens == 0
        assert b"secret" not in body + (tmp_path / "meter.log").read_bytes()
