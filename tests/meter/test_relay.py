"""The relay forwards everything unchanged and logs what was billed, whatever happens."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from loopback.scenario import Step
from loopback.server import LoopbackApi
from support.relayed import ask, relayed

from agentd.metering.usage import ModelUsage

USAGE = ModelUsage(input_tokens=900, output_tokens=40, cache_read_input_tokens=700)
TLS = Path(__file__).parents[2] / "fixtures" / "tls"
PATHS = {
    "anthropic": "/v1/messages?beta=true",
    "openai": "/v1/responses",
    "gemini": "/v1beta/models/m-1:streamGenerateContent?alt=sse",
}


@pytest.mark.parametrize("api", PATHS)
def test_an_answer_is_the_apis_own_and_is_logged(api: str, tmp_path: Path) -> None:
    with (
        LoopbackApi([Step(text="hello there", usage=USAGE, stays=True)]) as server,
        relayed(tmp_path, server.url) as relay,
    ):
        status, answer = ask(relay.url, PATHS[api])
        assert (status, b"hello" in answer) == (200, True)
        [request] = relay.ended()
        assert request.usage == USAGE
        assert (request.model, request.exact) == ("m-1", True)
        assert request.started_at
        assert request.ended_at
        assert server.told() == {"m-1": USAGE}


@pytest.mark.parametrize("stream", [True, False])
def test_whoever_has_an_answer_finds_it_logged(stream: bool, tmp_path: Path) -> None:
    """At once: whoever has it may be done, and the relay may be killed then."""
    with (
        LoopbackApi([Step(text="hello", usage=USAGE, stays=True)]) as server,
        relayed(tmp_path, server.url) as relay,
    ):
        for count in range(1, 31):
            assert ask(relay.url, stream=stream)[0] == 200
            requests = relay.requests()
            assert [(one.usage, one.exact) for one in requests] == [(USAGE, True)] * count


def test_without_the_token_nothing_is_there(tmp_path: Path) -> None:
    with LoopbackApi() as server, relayed(tmp_path, server.url) as relay:
        for url in (relay.url.replace("t0ken", "guess"), relay.url.removesuffix("/t0ken")):
            assert ask(url)[0] == 404
        assert server.requests == []


def test_a_refused_request_is_not_sent(tmp_path: Path) -> None:
    with LoopbackApi() as server, relayed(tmp_path, server.url) as relay:
        status, answer = ask(relay.url, model="too-dear")
        assert (status, b"the budget is spent" in answer) == (402, True)
        assert server.requests == []
        assert relay.requests() == []
        assert relay.lines()[0]["is"] == "refused"


def test_an_error_of_the_api_is_not_billed(tmp_path: Path) -> None:
    with (
        LoopbackApi([Step(status=529, stays=True)]) as server,
        relayed(tmp_path, server.url) as relay,
    ):
        assert ask(relay.url)[0] == 529
        [request] = relay.ended()
        assert request.usage == ModelUsage()
        assert request.exact


def test_an_api_that_is_not_there(tmp_path: Path) -> None:
    with relayed(tmp_path, "http://127.0.0.1:9") as relay:
        status, answer = ask(relay.url)
        assert (status, b"can't reach" in answer) == (502, True)
        [request] = relay.ended()
        assert request.usage == ModelUsage()


@pytest.mark.parametrize("api", PATHS)
def test_a_client_that_goes_away_has_what_came_so_far(api: str, tmp_path: Path) -> None:
    step = Step(text="one two three four five six", usage=USAGE, stalls=True)
    with LoopbackApi([step]) as server, relayed(tmp_path, server.url) as relay:
        parts = urlsplit(relay.url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        connection.request("POST", parts.path + PATHS[api], b'{"model": "m-1", "stream": true}')
        answer = connection.getresponse()
        assert answer.read1(100)
        assert server.stalled.wait(10)
        connection.sock.close()
        answer.close()
        [request] = relay.ended()
        assert not request.exact
        assert "output_tokens" in request.estimated
        assert 0 < request.usage.output_tokens < 10
        assert request.usage.input_tokens > 0


def test_a_hundred_at_once(tmp_path: Path) -> None:
    with (
        LoopbackApi([Step(text="hello", usage=USAGE, stays=True)]) as server,
        relayed(tmp_path, server.url) as relay,
    ):
        with ThreadPoolExecutor(100) as pool:
            calls = [pool.submit(ask, relay.url) for _ in range(100)]
            assert [call.result()[0] for call in calls] == [200] * 100
        requests = relay.ended(100)
        assert [request.usage for request in requests] == [USAGE] * 100
        assert len({request.id for request in requests}) == 100


def test_nothing_secret_is_written(tmp_path: Path) -> None:
    with (
        LoopbackApi([Step(text="the answer", usage=USAGE, stays=True)]) as server,
        relayed(tmp_path, server.url) as relay,
    ):
        ask(relay.url, headers={"x-api-key": "sk-ant-secret"}, prompt="my secret prompt")
        relay.ended()
        text = relay.log.read_text()
        assert not any(word in text for word in ("secret", "the answer", "t0ken"))
        assert relay.log.stat().st_mode & 0o077 == 0


def test_it_ends_with_its_lifeline(tmp_path: Path) -> None:
    with LoopbackApi() as server, relayed(tmp_path, server.url) as relay:
        assert ask(relay.url)[0]
        assert relay.process.exitcode is None
    assert relay.process.exitcode == 0


class Handler(BaseHTTPRequestHandler):
    """Answers as Anthropic does, tells the path it was asked for, and compresses if it may."""

    protocol_version = "HTTP/1.1"
    message: ClassVar[dict[str, Any]] = {
        "id": "msg_1",
        "model": "m-1",
        "usage": {"input_tokens": 900, "output_tokens": 40, "cache_read_input_tokens": 0},
        "stop_reason": "end_turn",
    }

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = json.dumps({**self.message, "asked": self.path}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        if self.headers.get("accept-encoding") == "gzip":
            body = gzip.compress(body)
            self.send_header("content-encoding", "gzip")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def serving(tls: bool = False) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / "certificate.pem", TLS / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"])
def test_an_api_with_a_certificate_of_its_own(name: str, tmp_path: Path) -> None:
    environ = {name: str(TLS / "certificate.pem")}
    with serving(tls=True) as url, relayed(tmp_path, url, environ) as relay:
        assert ask(relay.url)[0] == 200
        [request] = relay.ended()
        assert (request.usage.input_tokens, request.exact) == (900, True)
    with serving(tls=True) as url, relayed(tmp_path, url) as relay:
        assert ask(relay.url)[0] == 502


def test_the_users_proxy_and_what_is_not_to_go_through_it(tmp_path: Path) -> None:
    with serving() as proxy, serving() as direct:
        through = {"http_proxy": proxy, "no_proxy": "127.0.0.1"}
        with relayed(tmp_path, "http://api.example", through) as relay:
            # A proxy is asked with the whole URL.
            assert b'"asked": "http://api.example/v1/messages"' in ask(relay.url)[1]
        with relayed(tmp_path, direct, through) as relay:
            assert b'"asked": "/v1/messages"' in ask(relay.url)[1]


def test_a_compressed_answer_arrives_as_it_was_sent(tmp_path: Path) -> None:
    with serving() as url, relayed(tmp_path, url) as relay:
        body = ask(relay.url, headers={"accept-encoding": "br, gzip"})[1]
        assert json.loads(gzip.decompress(body))["id"] == "msg_1"
        [request] = relay.ended()
        assert (request.usage.output_tokens, request.exact) == (40, True)


def test_path_and_query_arrive_byte_for_byte(tmp_path: Path) -> None:
    with serving() as url, relayed(tmp_path, f"{url}/base%20path") as relay:
        body = ask(relay.url, "/v1/messages?a=%2F&b=x%20y&c")[1]
        assert json.loads(body)["asked"] == "/base%20path/v1/messages?a=%2F&b=x%20y&c"


def test_a_websocket_is_refused_so_that_codex_falls_back(tmp_path: Path) -> None:
    with serving() as url, relayed(tmp_path, url) as relay:
        upgrade = {"connection": "Upgrade", "upgrade": "websocket"}
        assert ask(relay.url, "/responses", headers=upgrade)[0] == 426


def test_api_calls_of_the_project_are_told_apart(tmp_path: Path) -> None:
    with serving() as url, relayed(tmp_path, url, user_agents=("claude-cli/",)) as relay:
        ask(relay.url, headers={"user-agent": "claude-cli/2.1.332 (external)"})
        ask(relay.url, headers={"user-agent": "python-httpx/0.28"})
        ask(relay.url)
        threads = [request.thread for request in relay.ended(3)]
        assert threads == ["main", "other", "other"]


def test_what_a_cli_tells_of_its_threads_counts(tmp_path: Path) -> None:
    with serving() as url, relayed(tmp_path, url, provider="opencode") as relay:
        ask(relay.url, headers={"user-agent": "opencode/1.18.33"})
        ask(relay.url, headers={"user-agent": "another/1"})
        assert [request.thread for request in relay.ended(2)] == ["side", "main"]
