"""The slash commands and skills of ``agentd init --commands``: the real CLIs find and list them."""

from __future__ import annotations

import json
import subprocess

import pytest

from real.bench import Bench

pytestmark = pytest.mark.real

COMMANDS = {"plan", "impl", "status", "cost"}


Lines = tuple[dict[str, object], ...]


def said(bench: Bench, *argv: str, told: Lines = (), until: str = "") -> str:
    """What a CLI prints, up to a line that has ``until``; ``told`` are its lines of JSON-RPC."""
    process = subprocess.Popen(
        [str(bench.clis / argv[0]), *argv[1:]],
        cwd=bench.project,
        env=bench.environ | {"GEMINI_CLI_TRUST_WORKSPACE": "true"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    lines = []
    try:
        for line in told:
            process.stdin.write(json.dumps(line) + "\n")
        process.stdin.flush()
        if not told:
            process.stdin.close()
        for line in process.stdout:
            lines.append(line)
            if until and until in line:
                break
    finally:
        process.kill()
        process.wait()
    return "".join(lines)


def write(bench: Bench) -> None:
    bench.init()
    ran = bench.agentd("init", "--commands")
    assert ran.exit_code == 0, ran
    bench.commit()


def test_claude_lists_them(bench: Bench) -> None:
    write(bench)
    argv = ("claude", "-p", "--output-format", "stream-json", "--verbose", "hello")
    first = json.loads(said(bench, *argv, until='"init"').splitlines()[-1])
    assert {f"agentd:{name}" for name in COMMANDS} <= set(first["slash_commands"])
    assert "agentd" in first["skills"]


def test_codex_lists_them(bench: Bench) -> None:
    write(bench)
    client = {"name": "test", "title": "test", "version": "1"}
    told: Lines = (
        {"id": 1, "method": "initialize", "params": {"clientInfo": client}},
        {"method": "initialized"},
        {"id": 2, "method": "skills/list", "params": {"cwds": [str(bench.project)]}},
    )
    lines = said(bench, "codex", "app-server", told=told, until='"id":2').splitlines()
    (found,) = json.loads(lines[-1])["result"]["data"]
    names = {skill["name"] for skill in found["skills"]}
    assert {"agentd", *(f"agentd-{name}" for name in COMMANDS)} <= names
    assert found["errors"] == []


def test_gemini_lists_the_skill_and_knows_the_commands(bench: Bench) -> None:
    write(bench)
    listed = said(bench, "gemini", "skills", "list")
    assert "agentd" in listed
    said(bench, "gemini", "--skip-trust", "-m", "gemini-2.5-pro", "-p", "/agentd:status add-x")
    (asked,) = {"agentd status add-x" in request.body for request in bench.api.requests}
    assert asked, "gemini sent the command as it was typed"
