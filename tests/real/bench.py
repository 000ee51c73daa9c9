"""Running the real command line of agentd, and reading what it wrote into STATE.yaml."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from loopback.server import LoopbackApi

from agentd.metering.usage import ModelUsage
from real.sandbox import environ

SOURCES = Path(__file__).resolve().parents[2]
CHANGE = "add-export"
DESCRIPTION = "Add an export."
TOKEN_KEYS = {
    "tokens_in": "input_tokens",
    "tokens_out": "output_tokens",
    "tokens_cache_read": "cache_read_input_tokens",
    "tokens_cache_write": "cache_creation_input_tokens",
    "tokens_reasoning": "reasoning_output_tokens",
}
# USD per 1,000,000 tokens: input, output, cache read, cache write. Primes, so that a price that
# is taken for another shows.
PRICES: Mapping[str, tuple[str, str, str, str]] = {
    "claude-opus-5-5": ("5.03", "23.09", "0.47", "6.11"),
    "claude-haiku-5-5": ("1.01", "4.93", "0.103", "1.27"),
    "gpt-6.1-sol": ("1.27", "10.07", "0.127", "1.27"),
    "gpt-6-luna": ("0.29", "2.03", "0.029", "0.29"),
    "gemini-3-flash-preview": ("0.53", "3.07", "0.053", "0.53"),
}
DOCUMENTS = {
    "proposal.md": f"# Proposal\n\n{DESCRIPTION}\n",
    "tasks.md": "# Tasks\n\n- [ ] 1.1 Export\n",
    "specs/export.md": "# Export\n\n## ADDED Requirements\n",
    "CHALLENGE.md": "# Challenge\n\n## Verdict\n\nAPPROVED\n",
}


def tokens(usage: ModelUsage) -> dict[str, str]:
    """A usage as STATE.yaml writes it: cache and reasoning only where there are any."""
    counts = {key: getattr(usage, name) for key, name in TOKEN_KEYS.items()}
    return {k: str(n) for k, n in counts.items() if n or k in ("tokens_in", "tokens_out")}


def cost_usd(model: str, usage: ModelUsage) -> Decimal:
    """What a usage costs, computed as one would by hand."""
    price_in, price_out, price_read, price_write = map(Decimal, PRICES[model])
    read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    plain = usage.input_tokens - read - written
    whole = plain * price_in + read * price_read + written * price_write
    return (whole + usage.output_tokens * price_out) / 1_000_000


@dataclass(kw_only=True)
class Ran:
    """How one command of agentd ended."""

    exit_code: int
    stdout: str
    stderr: str


@dataclass(kw_only=True)
class Bench:
    """A project below ``root`` whose CLIs talk to ``api``."""

    root: Path
    api: LoopbackApi
    clis: Path

    def __post_init__(self) -> None:
        self.home, self.project = self.root / "home", self.root / "project"
        self.project.mkdir()
        self.environ = environ(self.home, self.api.url, self.clis) | {"PYTHONPATH": str(SOURCES)}
        self.change = self.project / "agentd" / "changes" / CHANGE

    def init(self, provider: str) -> None:
        """``agentd init``, and prices of our own."""
        ran = self.agentd("init", "--provider", provider)
        assert ran.exit_code == 0, ran
        config = self.project / "agentd" / "config.toml"
        names = ("input", "output", "cache_read", "cache_write")
        lines = [
            line
            for model, prices in PRICES.items()
            for line in (
                f'[pricing.models."{model}"]',
                *(f"cost_per_1m_{n} = {p}" for n, p in zip(names, prices, strict=True)),
            )
        ]
        config.write_text(config.read_text() + "\n" + "\n".join(lines) + "\n")

    def with_documents(self) -> None:
        """A change whose documents are all there, ready to be challenged."""
        for name, text in DOCUMENTS.items():
            path = self.change / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        state = f"change_id: {CHANGE}\nschema_version: '2.0'\nphase: proposed\n"
        (self.change / "STATE.yaml").write_text(state)

    def agentd(self, *args: str, interrupt_when: Callable[[], bool] | None = None) -> Ran:
        """Run a command of agentd to its end; send it SIGINT once ``interrupt_when`` holds."""
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
                deadline = time.monotonic() + 30
                while not interrupt_when() and process.poll() is None:
                    assert time.monotonic() < deadline, "what was waited for did not come"
                    time.sleep(0.02)
                time.sleep(0.3)  # the CLI reads what it was sent
                os.kill(process.pid, signal.SIGINT)
            stdout, stderr = process.communicate(timeout=60)
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
