"""What agentd prints or stores itself holds no key, wherever one came from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.workflow_box import STREAM, box_with, put_change
from support.workspace import Sandbox

from agentd.config.edit import set_values

KEYS = {
    "argument": "sk-ant-api03-ARGUMENTaaaaaaaaaaaaaaaa01",
    "option": "correct-horse-OPTION",
    "variable": "VARIABLE.battery.staple",
    "printed": "AIzaPRINTEDaaaaaaaaaaaaaaaaaaaaaaaa0001",
    "header": "HEADERbbbbbbbbbbbbbbbbbbbbbbbbbbb2",
    "github": "ghp_GITHUBcccccccccccccccccccccccc3333",
    "slack": "xoxb-111111-SLACKdddddddddddddddd",
    "aws": "AKIAAWSEEEEEEEEEEEE1",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJKV1QiOjF9.JWTffffffff",
    "block": "-----BEGIN EC PRIVATE KEY-----\nBLOCKggggggg\n-----END EC PRIVATE KEY-----",
}
TELLING = [
    *("ARGUMENT", "OPTION", "VARIABLE", "PRINTED", "HEADER", "GITHUB", "SLACK", "AWSEE", "JWTf"),
    "BLOCKg",
]
OF_THE_CLI = {"stdout", "stderr", "prompt"}


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = box_with(tmp_path)
    put_change(box, "add-x", "proposed")
    args = ["--one", KEYS["argument"], "--api-key", KEYS["option"], f"--token={KEYS['option']}"]
    set_values(box.root / "agentd/config.toml", [("gemini.extra_args", json.dumps(args))])
    printed = "\n".join(
        [
            f"401: the key {KEYS['printed']} is not valid ({KEYS['variable']})",
            f"authorization: Bearer {KEYS['header']}",
            *(KEYS[name] for name in ("github", "slack", "aws", "jwt", "block")),
        ]
    )
    (tmp_path / "err").write_text(printed)
    return box


def with_keys(box: Sandbox, *command: str, **more: str) -> str:
    done = box.run(*command, MY_API_KEY=KEYS["variable"], **more)
    assert "a bug in agentd" not in done.stderr
    return done.stdout + done.stderr


def holding(text: str) -> list[str]:
    return [each for each in TELLING if each in text]


def test_a_run_that_fails(box: Sandbox) -> None:
    box.answer("challenge", exit=1, shell="cat ../err >&2")
    said = with_keys(box, "challenge", "add-x")
    assert "401: the key *** is not valid (***)" in said
    assert holding(said) == []
    stored = {
        path: holding(path.read_bytes().decode(errors="replace"))
        for path in box.change("add-x").rglob("*")
        if path.is_file() and path.name not in OF_THE_CLI
    }
    assert any(path.name == "run.json" for path in stored)
    assert {path: keys for path, keys in stored.items() if keys} == {}
    (run,) = box.change("add-x").glob("runs/*/run.json")
    argv = json.loads(run.read_text())["argv"]
    assert argv[argv.index("--one") :][:5] == ["--one", "***", "--api-key", "***", "--token=***"]
    given = (box.root.parent / "argv.txt").read_text()
    assert KEYS["argument"] in given  # the CLI itself gets what it needs
    assert KEYS["option"] in given


@pytest.mark.parametrize(
    "command",
    [
        *("config list", "config list --json", "config get gemini.extra_args", "doctor"),
        *("doctor --report", "doctor --json", "challenge add-x --json", "--debug challenge add-x"),
        "challenge add-x --verbose",
    ],
)
def test_what_is_printed(box: Sandbox, command: str) -> None:
    box.answer("challenge", exit=1, shell="cat ../err >&2")
    assert holding(with_keys(box, *command.split())) == []


def test_the_live_text_of_an_agent(box: Sandbox) -> None:
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"})
    stream = Path(box.plan["challenge"]["stdout"]).read_text()
    first = json.loads(stream.splitlines()[2])["content"]
    said = json.dumps(f"{first} {KEYS['printed']}\n")[1:-1]
    (box.root.parent / "said").write_text(stream.replace(json.dumps(first)[1:-1], said))
    box.plan["challenge"]["stdout"] = "../said"
    box.write_plan()
    told = with_keys(box, "challenge", "add-x", "--verbose")
    assert "***" in told
    assert holding(told) == []


def test_an_error_of_the_relay_s_process(tmp_path: Path) -> None:
    code = f"""
import sys, json
from agentd.budget import gate
def fails(_):
    raise RuntimeError("{KEYS["argument"]} and {KEYS["variable"]}")
json.load = fails
gate.main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MY_API_KEY": KEYS["variable"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "RuntimeError: *** and ***" in done.stderr
    assert holding(done.stderr) == []
