"""HTTP providers against llama.cpp's own server: the ledger has the server's own usage."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import pytest
from support.raw_api import Asked, RawApi, raw_api
from support.workflow_box import put_change
from support.workspace import make_sandbox

from real.install import LLAMA_PYTHON, is_llama_ready

pytestmark = pytest.mark.real

CONFIG = """project_name = "x"
[workflow]
script_retries = 0
[pricing]
sources = ["config", "reported", "catalog"]
[http.llama]
base_url = "{url}/v1"
model = "random"
max_output_tokens = 300
{more}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not is_llama_ready():
        pytest.skip("llama.cpp's server is not installed; python -m tests.real.install says why")
    folder = tmp_path_factory.mktemp("model")
    script = Path(__file__).with_name("llama_server.py")
    process = subprocess.Popen(
        [str(LLAMA_PYTHON), str(script), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(folder / "log").open("w"),
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        if not url:
            pytest.skip(f"llama.cpp's server did not start: {(folder / 'log').read_text()[-300:]}")
        yield url
    finally:
        process.stdin.close()
        process.kill()
        process.wait()


@contextmanager
def tapped(server: str) -> Iterator[tuple[RawApi, list[bytes]]]:
    """The server behind a tap that keeps what it answers, but for what it only counts."""
    answers: list[bytes] = []

    def forward(asked: Asked, out: BinaryIO) -> None:
        method, path, _ = asked.line.split()
        connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=120)
        connection.request(method, path, asked.body, {"content-type": "application/json"})
        answer = connection.getresponse()
        kind = answer.getheader("content-type", "")
        out.write(f"HTTP/1.1 {answer.status} X\r\ncontent-type: {kind}\r\n".encode())
        out.write(b"connection: close\r\n\r\n")
        kept = b""
        while block := answer.read1():
            kept += block
            out.write(block)
            out.flush()
        if not path.endswith(("/tokenize", "/models")):
            answers.append(kept)

    with raw_api(forward) as api:
        yield api, answers


def usages(answer: bytes) -> list[dict[str, Any]]:
    """Every usage block of an answer, as it stands there."""
    texts = re.findall(rb'"usage":(\{(?:[^{}]|\{[^{}]*\})*\})', answer)
    return [json.loads(text) for text in texts]


@pytest.mark.parametrize(
    "settings",
    [
        'api = "chat"',
        'api = "chat"\nstream = false',
        'api = "messages"',
        'api = "messages"\nstream = false',
        'api = "responses"',
    ],
)
def test_the_ledger_has_the_servers_usage(tmp_path: Path, server: str, settings: str) -> None:
    with tapped(server) as (api, answers):
        box = make_sandbox(tmp_path, CONFIG.format(url=api.url, more=settings))
        put_change(box, "x", "proposed")
        done = box.run("challenge", "x", "--provider", "llama")
    # A model of random numbers writes no document; that costs no less.
    assert done.returncode == 4, done.stderr
    [answer] = answers
    [call] = box.telemetry("x")["calls"]
    told: dict[str, Any] = {}
    for usage in usages(answer):
        told |= usage
    if "prompt_tokens" in told:
        cached = told.get("prompt_tokens_details", {}).get("cached_tokens", 0)
        expected = (told["prompt_tokens"], told["completion_tokens"], cached)
    elif "messages" in settings:
        cached = told["cache_read_input_tokens"]
        expected = (told["input_tokens"] + cached, told["output_tokens"], cached)
    else:
        cached = told.get("input_tokens_details", {}).get("cached_tokens", 0)
        expected = (told["input_tokens"], told["output_tokens"], cached)
    recorded = (call["tokens_in"], call["tokens_out"], call.get("tokens_cache_read", 0))
    assert recorded == expected
    assert call["tokens_in"] > 500
    assert (call["accuracy"], call["usage_source"]) == ("exact", "wire")
    assert call["model"].endswith("random.gguf")
    assert (call["cost_usd"], call["cost_source"]) == (0.0, "local")
    assert "(local)" in box.ok("log", "x")
    assert box.run("cost", "audit", "x").returncode == 0


def test_the_server_counts_a_prompt_as_it_bills_it(tmp_path: Path, server: str) -> None:
    """Its window is 16,384 tokens; by an estimate the prompt would be too long by far."""
    design = "".join(f"Line {n}: the quick brown fox jumps over it.\n" for n in range(2000))
    with tapped(server) as (api, _answers):
        box = make_sandbox(tmp_path, CONFIG.format(url=api.url, more="context_tokens = 16384"))
        put_change(box, "x", "proposed")
        (box.change("x") / "design.md").write_text(design)
        box.run("challenge", "x", "--provider", "llama")
    asked = [one for one in api.asked if one.line.startswith("POST /tokenize ")]
    prompt = next(json.loads(one.body) for one in api.asked if "/chat/" in one.line)
    told = json.loads(asked[-1].body)["content"]
    assert prompt["messages"][0]["content"] == told
    assert "the rest of `agentd/changes/x/design.md`" in told
    [call] = box.telemetry("x")["calls"]
    assert call["accuracy"] == "exact"
    connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=60)
    connection.request("POST", "/tokenize", json.dumps({"content": told}))
    counted = len(json.loads(connection.getresponse().read())["tokens"])
    assert 0 <= call["tokens_in"] - counted <= 64  # the template's own
    room = 16384 - 300
    assert 0.9 * room < call["tokens_in"] <= room


def test_a_model_that_is_asked_for_by_hand(server: str) -> None:
    """The process alone, without agentd around it."""
    argv = [sys.executable, "-m", "agentd.providers.http", "--base-url", f"{server}/v1"]
    done = subprocess.run(
        [*argv, "--model", "random"], input="Hello", capture_output=True, text=True, check=False
    )
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["type"] == "start"
    [request] = [event for event in events if event["type"] == "request"]
    assert request["ended"]
    assert request["usage"]["output_tokens"] > 0
