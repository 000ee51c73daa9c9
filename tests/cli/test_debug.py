"""``agentd --debug``: what is run, and where an error comes from."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from support import command
from support.workspace import PROPOSAL, make_sandbox

from agentd.version import __version__

CONFIG = """
[gemini]
command = "{gemini}"
extra_args = ["--api-key", "swordfish", "--password", "it's swordfish", "--token=a swordfish"]
"""
STREAM = "gemini/0.61.0/model_stream_json"


def agentd(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return command.agentd(*arguments, cwd=cwd, env={**os.environ, **environ})


def test_what_is_run_is_told_without_its_secrets(tmp_path: Path) -> None:
    box = make_sandbox(tmp_path, CONFIG)
    box.answer("proposal", STREAM, PROPOSAL)
    done = box.run("--debug", "proposal", "add-x", "Log in")
    assert done.returncode == 0, done.stderr
    assert f"debug: agentd {__version__}, Python " in done.stderr
    assert f"debug: project: {box.root}\n" in done.stderr
    assert f"debug: config: {box.root}/agentd/config.toml\n" in done.stderr
    (started,) = [line for line in done.stderr.splitlines() if "--api-key" in line]
    assert started.startswith(f"debug: runs in {box.root}: ")
    assert "/gemini" in started
    assert "--api-key *** --password *** '--token=***'" in started
    assert "swordfish" not in done.stderr
    assert "debug" not in done.stdout


def test_an_error_has_its_traceback_and_its_exit_code(tmp_path: Path) -> None:
    quiet = agentd("status", cwd=tmp_path)
    told = agentd("--debug", "status", cwd=tmp_path)
    assert quiet.returncode == told.returncode == 1
    assert "Traceback" not in quiet.stderr
    assert "debug: Traceback (most recent call last):\n" in told.stderr
    assert told.stderr.endswith(quiet.stderr)
    assert quiet.stdout == told.stdout == ""


def test_json_stays_one_document_and_the_environment_asks_too(tmp_path: Path) -> None:
    done = agentd("status", "--json", cwd=tmp_path, AGENTD_DEBUG="1")
    assert done.stdout == agentd("status", "--json", cwd=tmp_path).stdout
    assert "debug: Traceback" in done.stderr
    assert "debug" not in agentd("status", cwd=tmp_path, AGENTD_DEBUG="0").stderr


def test_wrong_usage_too(tmp_path: Path) -> None:
    done = agentd("--debug", "statsu", cwd=tmp_path)
    assert done.returncode == 2
    assert "debug: Traceback" in done.stderr
