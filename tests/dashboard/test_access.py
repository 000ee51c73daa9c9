"""Who may look: this machine under its own name, or whoever has the token; and nothing else."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cost_box import add, call
from support.dashboard_box import CONFIG, Served, dashboard
from support.workspace import Sandbox, make_sandbox

SECRET = "s3cr3t-value-of-a-key"


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    box = make_sandbox(tmp_path_factory.mktemp("access"), CONFIG)
    add(box, "add-oauth", call(1))
    (box.change("add-oauth") / "proposal.md").write_text(
        f"# <img src=x onerror=alert(1)>\n\n\x1b[31mred\x1b[0m {SECRET}\n\n<script>1</script>\n"
    )
    return box


@pytest.fixture(scope="module")
def served(box: Sandbox) -> Iterator[Served]:
    with dashboard(box.root, MY_API_KEY=SECRET) as served:
        yield served


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "127.9.9.9"])
def test_its_own_names_are_answered(served: Served, name: str) -> None:
    assert served.ask(Host=f"{name}:{served.port}")[0] == 200


@pytest.mark.parametrize(
    "name", ["evil.example:{}", "127.0.0.1.evil.example:{}", "127.0.0.1:1", "127.0.0.1", "", "[:{}"]
)
@pytest.mark.parametrize("path", ["/", "/events", "/api/charts", "/page/main.js"])
def test_another_name_that_is_pointed_here_gets_nothing(
    served: Served, name: str, path: str
) -> None:
    """DNS rebinding: the browser sends the name of the page that it believes to talk to."""
    status, headers, body = served.ask(path, Host=name.format(served.port))
    assert status == 421
    assert b"add-oauth" not in body
    assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_place_reads_nothing(served: Served, site: str) -> None:
    for path in ("/events", "/api/charts", "/api/changes/add-oauth", "/page/main.js"):
        assert served.ask(path, Sec_Fetch_Site=site)[0] == 403
    assert served.ask("/", Sec_Fetch_Site=site)[0] == 200  # a link to the page itself
    assert served.ask("/api/charts", Sec_Fetch_Site="same-origin")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/api/charts", "/api/changes/add-oauth"])
def test_it_only_shows(served: Served, method: str, path: str) -> None:
    status, headers, _ = served.ask(path, method)
    assert status == 405
    assert "Access-Control-Allow-Origin" not in headers


def test_head_has_no_body(served: Served) -> None:
    status, _, body = served.ask("/", "HEAD")
    assert (status, body) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/page/../server.py",
        "/page/..%2Fserver.py",
        "/page/%2e%2e%2fserver.py",
        "/page/%2Fetc%2Fpasswd",
        "/page/",
        "/agentd/config.toml",
        "/api/changes/..%2F..%2Fconfig.toml",
        "/api/changes/add-oauth%2F..%2Fadd-oauth",
        "/api/changes/add-oauth/calls/..%2F..",
        "/api/changes/add-oauth/calls/none",
        "/api/changes/no-such",
    ],
)
def test_nothing_but_the_page_and_its_changes_is_there(served: Served, path: str) -> None:
    status, _, body = served.ask(path)
    assert status in (404, 405)
    assert b"project_name" not in body
    assert b"root:" not in body


def test_every_answer_has_the_headers(served: Served) -> None:
    for path in ("/", "/page/main.js", "/page/dashboard.css", "/api/charts", "/no-such"):
        headers = served.ask(path)[1]
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "Access-Control-Allow-Origin" not in headers
        assert "aiohttp" not in headers["Server"]


def test_what_stands_in_a_file_is_text_without_keys_and_escapes(served: Served) -> None:
    body = served.ask("/api/changes/add-oauth")[2].decode()
    assert SECRET not in body
    assert "\\u001b" not in body
    assert "\x1b" not in body
    nodes = json.loads(body)["documents"][0]["nodes"]
    assert nodes == [
        ["h1", ["<img src=x onerror=alert(1)>"]],
        ["p", ["red ***"]],
        ["p", ["<script>1</script>"]],
    ]


def test_no_file_of_the_page_has_markup_that_its_policy_forbids() -> None:
    page = Path(__file__).parents[2] / "agentd" / "dashboard" / "page"
    for path in (*page.glob("*.html"), *page.glob("*.js")):
        if path.name.startswith("uPlot"):
            continue
        text = path.read_text()
        for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", " on=",
                     "style=", "http://", "https://"):  # fmt: skip
            assert word not in text, (path.name, word)


def test_another_interface_needs_the_token_which_is_printed_once(box: Sandbox) -> None:
    with dashboard(box.root, "--host", "0.0.0.0") as served:
        token = served.url.partition("token=")[2]
        assert len(token) > 40
        assert served.ask("/")[0] == 401
        assert served.ask("/api/charts")[0] == 401
        assert served.ask(f"/?token={token[:-1]}x")[0] == 401
        assert served.ask("/", Cookie=f"agentd_{served.port}=\xff")[0] == 401
        assert served.ask(f"/api/charts?token={token}")[0] == 401  # it is for the page alone
        status, headers, _ = served.ask(f"/?token={token}")
        assert (status, headers["Location"]) == (303, "/")
        cookie = headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        kept = cookie.partition(";")[0]
        status, _, body = served.ask("/", Cookie=kept)
        assert status == 200
        assert token.encode() not in body
        assert served.ask("/", Cookie=kept, Host=f"evil.example:{served.port}")[0] == 421


def test_a_port_that_is_taken_and_an_address_of_another_machine_are_told(
    box: Sandbox, served: Served
) -> None:
    done = box.run("dashboard", "--port", str(served.port))
    assert done.returncode == 1
    assert "--port 0" in done.stderr
    done = box.run("dashboard", "--host", "203.0.113.7", "--port", "0")
    assert done.returncode == 1
    assert "203.0.113.7" in done.stderr
    done = box.run("dashboard", "--host", "\u00e4..b")
    assert done.returncode == 1
    assert "port 8377: is no name of a host" in done.stderr


def test_what_is_no_http_ends_nothing(served: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.connect()
    connection.sock.sendall(b"\x16\x03\x01 no http\r\n\r\n")
    assert connection.sock.recv(100)
    connection.close()
    assert served.ask()[0] == 200
