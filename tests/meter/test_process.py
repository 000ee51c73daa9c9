"""The relay's process: served by another one when it dies, and gone when the run is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback.scenario import Step
from loopback.server import LoopbackApi
from support.relayed import ask

from agentd.meter.process import RelayProcess, wait_for_relay
from agentd.meter.request_log import NAME, read_requests
from agentd.metering.usage import ModelUsage

USAGE = ModelUsage(input_tokens=900, output_tokens=40)
ARGV = (sys.executable, "-m", "agentd.meter")


@pytest.fixture
def api() -> Iterator[LoopbackApi]:
    with LoopbackApi([Step(text="hello", usage=USAGE, stays=True)]) as server:
        yield server


def start(api: LoopbackApi, folder: Path) -> RelayProcess:
    return RelayProcess(ARGV, {"provider": "claude", "upstream": api.url}, run_dir=folder)


def test_a_relay_that_is_killed_is_followed_by_another(api: LoopbackApi, tmp_path: Path) -> None:
    relay = start(api, tmp_path)
    assert ask(relay.url)[0] == 200
    os.kill(relay.pid, signal.SIGKILL)
    killed, deadline = relay.pid, time.monotonic() + 10
    while relay.pid == killed and time.monotonic() < deadline:
        relay.tend()
        time.sleep(0.01)
    assert ask(relay.url)[0] == 200
    relay.leave(wait_s=10)
    assert [request.usage for request in read_requests(tmp_path / NAME)] == [USAGE] * 2
    assert (tmp_path / "meter.log").read_bytes() == b""


def test_it_stays_for_as_long_as_a_process_of_the_run_lives(
    api: LoopbackApi, tmp_path: Path
) -> None:
    relay = start(api, tmp_path)
    child = subprocess.Popen(["sleep", "60"], pass_fds=relay.held_by_run)
    url, log = relay.url, tmp_path / NAME
    assert ask(url)[0] == 200
    relay.leave(wait_s=0.1)
    assert not wait_for_relay(log, 0.2)
    assert ask(url)[0] == 200
    child.kill()
    child.wait()
    assert wait_for_relay(log, 10)
    with pytest.raises(ConnectionRefusedError):
        ask(url)


def test_neither_token_nor_address_stands_in_its_command_line(
    api: LoopbackApi, tmp_path: Path
) -> None:
    relay = start(api, tmp_path)
    assert ask(relay.url)[0] == 200
    token = relay.url.rpartition("/")[2]
    shown = Path(f"/proc/{relay.pid}/cmdline").read_text()
    relay.leave()
    assert token not in shown
    assert "agentd.meter" in shown


def test_no_log_is_no_relay(tmp_path: Path) -> None:
    assert wait_for_relay(tmp_path / NAME, 0)
