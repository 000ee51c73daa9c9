"""What every test of the real CLIs starts with: the CLIs, no network, a fresh home and project."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback.server import LoopbackApi

from real import install
from real.bench import Bench
from real.isolation import leave_the_network


@pytest.fixture(scope="session")
def clis() -> Path:
    """The folder with the three executables."""
    if not install.is_ready():
        pytest.fail("the real CLIs are not installed: python -m tests.real.install", pytrace=False)
    leave_the_network()  # else their settings must do: telemetry and updates are off
    return install.BIN


@pytest.fixture
def bench(tmp_path: Path, clis: Path) -> Iterator[Bench]:
    """A project with agentd in it, and the loopback API that all CLIs are pointed at."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with LoopbackApi() as api:
        yield Bench(root=tmp_path, api=api, clis=clis)
    signal.signal(signal.SIGINT, before)
