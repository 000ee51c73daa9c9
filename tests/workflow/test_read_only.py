"""A project that can't be written: what only reads works, and no agent is paid to work there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.state_samples import CALL, new_store
from support.workflow_box import box_with
from support.workspace import PROPOSAL, Sandbox

READING = [
    "status",
    "list",
    "cost",
    "cost --all",
    "log add-oauth",
    "show add-oauth",
    "report --html ../report.html",
    "export --format csv",
    "validate add-oauth",
]
WRITING = [
    "proposal new-change words",
    "run new-change words",
    "challenge add-oauth",
    "implement add-oauth",
    "archive add-oauth",
    "feedback add-oauth words",
    "delete add-oauth",
    "cost reset add-oauth",
    "config set budget.limit_usd 3",
]
FIX = "Give yourself the right to write there (chmod, chown), then run it again."
EACH = """
import contextlib, io, json, sys
from agentd.cli import run
told = {}
for command in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(command.split())
    told[command] = [code, out.getvalue(), err.getvalue()]
print(json.dumps(told))
"""


@pytest.fixture(params=["", "agentd"], ids=["whole", "agentd alone"])
def closed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sandbox]:
    """A project with one change, in which nobody may write, or nothing below agentd/."""
    box = box_with(tmp_path)
    new_store(box.root / "agentd/changes").append(CALL)
    change = box.change("add-oauth")
    (change / "specs").mkdir()
    (change / "runs").mkdir(mode=0o700, exist_ok=True)
    for name, text in PROPOSAL.items():
        (change / name.removeprefix("change/")).write_text(text)
    (tmp_path / "gemini").write_text(f"#!/bin/sh\n: > {tmp_path}/started\n")
    paths = [box.root / request.param, *(box.root / request.param).rglob("*")]
    plain = [path for path in paths if not path.is_symlink()]
    for path in plain:
        path.chmod(path.stat().st_mode & ~0o222)
    yield box
    for path in plain:
        path.chmod(path.stat().st_mode | 0o200)


def run_each(box: Sandbox, commands: list[str]) -> dict[str, tuple[int, str, str]]:
    """What each command said, without root's right to write anywhere."""
    command = [sys.executable, "-c", EACH]
    if os.geteuid() == 0:
        setpriv = shutil.which("setpriv") or pytest.skip("there is no setpriv")
        command = [setpriv, "--bounding-set=-dac_override,-fowner", *command]
    done = subprocess.run(
        command,
        input=json.dumps(commands),
        cwd=box.root,
        env={**os.environ, "HOME": str(box.root.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    return {name: tuple(each) for name, each in json.loads(done.stdout).items()}


def test_what_only_reads_works(closed: Sandbox) -> None:
    for command, (code, out, err) in run_each(closed, READING).items():
        assert code == 0, (command, err)
        if "report" not in command:
            assert "0.0035" in out or "Why" in out or "ok" in out, command


def test_what_writes_says_in_one_line_what_it_cannot_and_starts_no_agent(closed: Sandbox) -> None:
    for command, (code, _, err) in run_each(closed, WRITING).items():
        assert code == 1, command
        said = err.splitlines()
        assert said[0].startswith("Error: "), command
        assert said[0].endswith(": Permission denied"), command
        assert said[1:] == [FIX]
    assert not (closed.root.parent / "started").exists()
