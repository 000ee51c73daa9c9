"""Helpers of the runner's tests: run a scene, wait for a file, tell whether a process lives."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from standins.toy import TOY
from standins.toy.cli import CLI

from agentd.providers.provider import Provider
from agentd.runner.process import start_token
from agentd.runner.recovery import request_of
from agentd.runner.result import RunResult
from agentd.runner.run import RunRequest, ScriptRunner
from agentd.runner.run_folder import RunFolder

ROOT = Path(__file__).parents[2]
START = ("-IS", str(Path(__file__).with_name("toy_cli.py")))  # -IS: starts faster


def request(folder: Path, scene: str, *arguments: object, **changes: Any) -> RunRequest:
    """A request for a scene of toy_cli.py."""
    base = RunRequest(
        call_id="call",
        step="proposal",
        provider=TOY,
        command=sys.executable,
        prompt="do it",
        cwd=folder,
        runs_dir=folder / "runs",
        extra_args=(*START, scene, *map(str, arguments)),
        timeout_s=50,
    )
    return replace(base, **changes)


def toy(**changes: Any) -> Provider:
    """The toy with another way to start or read it."""
    return replace(TOY, cli=lambda: replace(CLI, **changes))


def run(folder: Path, scene: str, *arguments: object, **changes: Any) -> RunResult:
    """Run it, with graces short enough for tests."""
    runner = ScriptRunner(stop_grace_s=0.3, term_grace_s=0.3)
    return runner.run(request(folder, scene, *arguments, **changes))


def taken_up(folder: RunFolder, runner: ScriptRunner | None = None, **changes: Any) -> RunResult:
    """What becomes of a run of the toy whose agentd is gone, followed by this process."""
    runner = runner or ScriptRunner(stop_grace_s=0.3, term_grace_s=0.3)
    return runner.take_up(replace(request_of(folder, folder.info(), TOY), **changes))


def toy_agentd(folder: Path, scene: str, *arguments: object) -> subprocess.Popen[bytes]:
    """An agentd in a process of its own."""
    argv = [sys.executable, str(ROOT / "tests/standins/toy_agentd.py"), str(folder / "runs"), scene]
    return subprocess.Popen(
        [*argv, *map(str, arguments)],
        cwd=folder,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def until(condition: Callable[[], object]) -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


def pid_in(file: Path) -> int:
    """The pid that a scene wrote there, as soon as it is there."""
    until(file.exists)
    return int(file.read_text())


def lives(pid: int) -> bool:
    """Whether a process lives; a zombie does not."""
    return start_token(pid) is not None
