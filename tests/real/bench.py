"""Running the real command line of agentd, and reading what it wrote into STATE.yaml."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from loopback.server import LoopbackApi

from agentd.runner.process import start_token
from real.ledger import PRICES, USD_PER_1K_WEB_SEARCHES
from real.sandbox import environ

SOURCES = Path(__file__).resolve().parents[2]
CHANGE = "add-export"
DESCRIPTION = "Add an export."
RUNS = f"agentd/changes/{CHANGE}/runs"
UNJUDGED = ".cache"  # no step is judged by what tools leave there
DOCUMENTS = {
    "proposal.md": f"# Proposal\n\n{DESCRIPTION}\n",
    "tasks.md": "# Tasks\n\n- [ ] 1.1 Export\n",
    "specs/export.md": "# Export\n\n## ADDED Requirements\n",
}


@dataclass(kw_only=True)
class Ran:
    """How one command of agentd ended."""

    exit_code: int
    stdout: str
    stderr: str


def endless(mark: Path) -> str:
    """A command for a tool: it makes ``mark``, and runs until that is gone."""
    return f"touch {mark}; while test -e {mark}; do sleep 0.2; done"


@dataclass(kw_only=True)
class Bench:
    """A project below ``root`` whose CLIs talk to ``api``."""

    root: Path
    api: LoopbackApi
    clis: Path
    retries: int = 0

    def __post_init__(self) -> None:
        self.home, self.project = self.root / "home", self.root / "project"
        (self.project / UNJUDGED).mkdir(parents=True)
        own = environ(self.home, self.api.url, self.clis, retries=self.retries)
        self.environ = own | {"PYTHONPATH": str(SOURCES)}
        self.change = self.project / "agentd" / "changes" / CHANGE

    def init(self, provider: str | None = None, more: str = "", wire: str = "off") -> None:
        """``agentd init``, prices of our own, no retries, and ``more`` at the config's end.

        What stdout and the logs tell counts, unless ``wire`` is something else.
        """
        chosen = ("--provider", provider) if provider else ()
        ran = self.agentd("init", *chosen)
        assert ran.exit_code == 0, ran
        config = self.project / "agentd" / "config.toml"
        names = ("input", "output", "cache_read", "cache_write")
        lines = [
            line
            for model, prices in PRICES.items()
            for line in (
                f'[pricing.models."{model}"]',
                *(f"cost_per_1m_{n} = {p}" for n, p in zip(names, prices, strict=True)),
                f"cost_per_1k_web_searches = {USD_PER_1K_WEB_SEARCHES}",
            )
        ]
        config.write_text(
            "\n".join([config.read_text(), *lines, f'[meter]\nwire = "{wire}"', more, ""])
        )
        self.set(script_retries=0, retry_delay_secs=0)

    def commit(self) -> None:
        """Make the project a git repository, as users' projects are, and commit all there is."""
        git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.com")
        for args in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "first")):
            subprocess.run([*git, *args], cwd=self.project, env=self.environ, check=True)

    def set(self, **numbers: int) -> None:
        """Change settings that the config has."""
        config = self.project / "agentd" / "config.toml"
        text = config.read_text()
        for key, number in numbers.items():
            text, found = re.subn(rf"(?m)^{key} = \d+", f"{key} = {number}", text)
            assert found == 1, key
        config.write_text(text)

    def with_documents(self) -> None:
        """A change whose documents are all there, ready to be challenged."""
        for name, text in DOCUMENTS.items():
            path = self.change / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        state = f"change_id: {CHANGE}\nschema_version: '2.0'\nphase: proposed\n"
        (self.change / "STATE.yaml").write_text(state)

    def agentd(
        self,
        *args: str,
        interrupt_when: Callable[[], bool] | None = None,
        by: signal.Signals | Callable[[int], None] = signal.SIGINT,
        timeout_s: float = 60,
        within_s: float = 30,
    ) -> Ran:
        """Run a command of agentd to its end; once ``interrupt_when`` holds, interrupt it.

        That must come ``within_s``. ``by`` is the signal that it gets, or is called with its
        process id.
        """
        process = subprocess.Popen(
            [sys.executable, "-m", "agentd", *args],
            cwd=self.project,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            if interrupt_when is not None:
                deadline = time.monotonic() + within_s
                while not interrupt_when() and process.poll() is None:
                    assert time.monotonic() < deadline, "what was waited for did not come"
                    time.sleep(0.02)
                time.sleep(0.3)  # the CLI reads what it was sent
                if isinstance(by, signal.Signals):
                    os.kill(process.pid, by)
                else:
                    by(process.pid)
            stdout, stderr = process.communicate(timeout=timeout_s)
        finally:
            process.kill()
        return Ran(exit_code=process.returncode, stdout=stdout, stderr=stderr)

    def state(self) -> dict[str, Any]:
        """STATE.yaml as another program reads it."""
        content: dict[str, Any] = yaml.safe_load((self.change / "STATE.yaml").read_text())
        return content

    def calls(self) -> list[dict[str, Any]]:
        """The calls of STATE.yaml with every number as the text that stands there."""
        text = (self.change / "STATE.yaml").read_text()
        found: list[dict[str, Any]] = yaml.load(text, Loader=yaml.BaseLoader)["telemetry"]["calls"]
        return found

    def cli_pid(self) -> int:
        """The process id of the CLI that was started last."""
        pid: int = self._newest_run()["cli_pid"]
        return pid

    def is_taken_up(self) -> Callable[[], bool]:
        """Asked later, whether another agentd looks after the newest run than does now."""
        before = self._newest_run()["agentd_pid"]
        return lambda: bool(self._newest_run()["agentd_pid"] != before)

    def _newest_run(self) -> dict[str, Any]:
        newest = max(self.change.glob("runs/*/run.json"), key=lambda path: path.stat().st_mtime)
        info: dict[str, Any] = json.loads(newest.read_text())
        return info

    def wait_for_end_of(self, pid: int, timeout_s: float = 30) -> None:
        """Wait until a process is gone that is no child of this one."""
        deadline = time.monotonic() + timeout_s
        while start_token(pid) is not None:
            assert time.monotonic() < deadline, f"process {pid} did not end"
            time.sleep(0.05)

    def end_what_is_left(self) -> None:
        """Kill what still runs with this home folder: tools that outlive a killed CLI."""
        mark = f"HOME={self.home}".encode()
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    os.kill(int(entry.name), signal.SIGKILL)


def early_in_a_minute() -> None:
    """Wait for one to begin: what gemini is to resume twice must begin and end within one.

    It deletes the log of a session that was resumed in a later minute, at its next start.
    """
    into = time.time() % 60
    if into > 5:
        time.sleep(60 - into)
