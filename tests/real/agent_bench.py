"""A project with one of the agents for models of any maker, pointed at the loopback API."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback.server import LoopbackApi

from real import install
from real.bench import Bench
from real.isolation import leave_the_network

DOCUMENT = "# Challenge: add-export\n\n## Verdict\n- [x] APPROVED\n"
STARTS_S = 120  # opencode takes over half a minute to start on a busy machine


@contextlib.contextmanager
def agent_bench(root: Path, name: str) -> Iterator[Bench]:
    """The bench whose only CLI is that agent; fails where it is not installed."""
    agent = install.AGENTS[name]
    if not agent.is_ready():
        pytest.fail(f"{name} is not installed: python -m tests.real.install", pytrace=False)
    leave_the_network()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with LoopbackApi() as api:
        yield Bench(root=root, api=api, clis=agent.bin)
    signal.signal(signal.SIGINT, before)
