"""The slash commands and skills of ``agentd init --commands``: the real CLIs find and list them."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import time

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


def trusting(bench: Bench) -> None:
    """Answer what the CLIs ask a person at their first start, in their settings."""
    told = {"hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
    key = bench.environ["ANTHROPIC_API_KEY"][-20:]
    claude = {
        "hasCompletedOnboarding": True,
        "theme": "dark",
        "customApiKeyResponses": {"approved": [key], "rejected": []},
        "projects": {str(bench.project): told},
    }
    (bench.home / ".claude.json").write_text(json.dumps(claude))
    codex = bench.home / ".codex/config.toml"
    trusted = f'[projects."{bench.project}"]\ntrust_level = "trusted"\n'
    codex.write_text(f"{codex.read_text()}\n{trusted}")


def screen_with(bench: Bench, argv: tuple[str, ...], typed: str, wanted: set[str]) -> str:
    """A CLI's screen once all of ``wanted`` stand in it, after ``typed`` was typed at its prompt.

    It is typed again as long as the CLI has swallowed it at its start.
    """
    tmux = ["tmux", "-L", f"agentd-{os.getpid()}", "-f", os.devnull]
    environ = bench.environ | {
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
        "GEMINI_CLI_NO_RELAUNCH": "true",
    }
    command = shlex.join([str(bench.clis / argv[0]), *argv[1:]])
    size = ["-x", "200", "-y", "50", "-s", "s", "-c", str(bench.project)]

    def ask(*words: str) -> str:
        done = subprocess.run(
            [*tmux, *words], env=environ, capture_output=True, text=True, check=False
        )
        return done.stdout

    shown = ""
    try:
        ask("new-session", "-d", *size, command)
        deadline = time.monotonic() + 90
        typed_at = 0.0
        while time.monotonic() < deadline and not all(word in shown for word in wanted):
            time.sleep(0.3)
            shown = ask("capture-pane", "-p", "-t", "s")
            if shown.strip() and typed not in shown and time.monotonic() > typed_at + 5:
                ask("send-keys", "-t", "s", "-l", typed)
                typed_at = time.monotonic()
    finally:
        ask("kill-server")
    return shown


TYPED = [
    (("claude",), "/agentd:", {f"/agentd:{name}" for name in COMMANDS}),
    # Without --no-daemon codex leaves a server behind.
    (("codex", "--no-daemon"), "$agentd", {f"agentd-{name}" for name in COMMANDS}),
    (("gemini",), "/agentd:", {f"agentd:{name}" for name in COMMANDS}),
]


@pytest.mark.skipif(shutil.which("tmux") is None, reason="drives the CLIs in tmux")
@pytest.mark.parametrize(("argv", "typed", "wanted"), TYPED, ids=["claude", "codex", "gemini"])
def test_they_are_in_the_list_that_a_person_sees(
    bench: Bench, argv: tuple[str, ...], typed: str, wanted: set[str]
) -> None:
    write(bench)
    trusting(bench)
    shown = screen_with(bench, argv, typed, wanted)
    lines = [line for line in shown.splitlines() if "agentd" in line and len(line.split()) > 3]
    for word in wanted:
        assert any(word in line for line in lines), shown
    assert "conflict" not in shown  # of two skills of one name
