"""The relay's process: served by another one when it dies, and gone when the run is."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loopback.scenario import Step
from loopback.server import LoopbackApi
from support.raw_api import connection_to
from support.relayed import ask

from agentd.meter.logged_requests import read_requests
from agentd.meter.process import RelayProcess, wait_for_relay
from agentd.meter.request_log import NAME, RequestLog
from agentd.metering.dialects import Asked
from agentd.metering.usage import ModelUsage

USAGE = ModelUsage(input_tokens=900, output_tokens=40)
ARGV = (sys.executable, "-m", "agentd.budget.gate")


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


_AGENTD_DIES = """
import os, subprocess, sys
from pathlib import Path
from agentd.meter.process import RelayProcess
argv, given = (sys.executable, "-m", "agentd.budget.gate"), {"provider": "claude"}
relay = RelayProcess(argv, {**given, "upstream": sys.argv[1]}, run_dir=Path(sys.argv[2]))
child = subprocess.Popen(["sleep", "60"], pass_fds=relay.held_by_run, stdout=subprocess.DEVNULL)
print(relay.url, child.pid, flush=True)
os._exit(1)
"""


def test_it_stays_for_as_long_as_a_process_of_the_run_lives_when_agentd_dies(
    api: LoopbackApi, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", _AGENTD_DIES, api.url, str(tmp_path)]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=30)
    url, child = told.stdout.split()
    log = tmp_path / NAME
    assert ask(url)[0] == 200
    assert not wait_for_relay(log, 0.2)
    assert ask(url)[0] == 200
    os.kill(int(child), signal.SIGKILL)
    assert wait_for_relay(log, 10)
    with pytest.raises(ConnectionRefusedError):
        ask(url)


def test_once_agentd_has_left_nothing_is_sent_that_no_call_would_count(
    api: LoopbackApi, tmp_path: Path
) -> None:
    relay = start(api, tmp_path)
    child = subprocess.Popen(["sleep", "60"], pass_fds=relay.held_by_run)  # it left the run's group
    assert ask(relay.url)[0] == 200
    relay.leave(wait_s=10)
    with pytest.raises(ConnectionRefusedError):
        ask(relay.url)
    child.kill()
    child.wait()
    assert len(api.requests) == len(read_requests(tmp_path / NAME)) == 1


def test_a_request_under_way_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / NAME
    writing = RequestLog(log)
    writing.started("r1", Asked(model="m"), input_tokens=5)
    began = time.monotonic()
    assert not wait_for_relay(log, 0.05, under_way_s=0.3)
    assert time.monotonic() - began >= 0.35
    writing.ended("r1", 200, [])
    assert not wait_for_relay(log, 0.05, under_way_s=60)


def test_neither_token_nor_address_stands_in_its_command_line(
    api: LoopbackApi, tmp_path: Path
) -> None:
    relay = start(api, tmp_path)
    assert ask(relay.url)[0] == 200
    token = relay.url.rpartition("/")[2]
    shown = Path(f"/proc/{relay.pid}/cmdline").read_text()
    relay.leave()
    assert token not in shown
    assert "agentd.budget.gate" in shown


def test_no_log_is_no_relay(tmp_path: Path) -> None:
    assert wait_for_relay(tmp_path / NAME, 0)


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


def test_a_relay_that_is_killed_in_the_middle_of_an_answer(tmp_path: Path) -> None:
    """The answer breaks off for the CLI, which asks again; what had been told counts."""
    steps = [
        Step(text="one two three four", usage=USAGE, stalls=True),
        Step(text="hello", usage=USAGE),
    ]
    with LoopbackApi(steps) as api:
        relay = start(api, tmp_path)
        connection, path = connection_to(relay.url)
        connection.request("POST", path, b'{"model": "m-1", "stream": true}')
        answer = connection.getresponse()
        wait_until(api.stalled.is_set)
        wait_until(lambda: b'"answering"' in (tmp_path / NAME).read_bytes())
        killed = relay.pid
        os.kill(killed, signal.SIGKILL)
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            list(iter(lambda: answer.read1(100), b""))
        connection.close()
        wait_until(lambda: relay.tend() or relay.pid != killed)
        assert ask(relay.url)[0] == 200
        relay.leave(wait_s=10)
    cut, whole = read_requests(tmp_path / NAME)
    assert (cut.exact, cut.usage.input_tokens) == (False, 900)
    assert (whole.exact, whole.usage) == (True, USAGE)


def test_where_no_relay_can_live_the_cli_fails_and_does_not_hang(tmp_path: Path) -> None:
    relay = RelayProcess([sys.executable, "-c", "raise SystemExit(1)"], {}, run_dir=tmp_path)

    def is_refused() -> bool:
        relay.tend()
        try:
            socket.create_connection(("127.0.0.1", int(relay.url.split(":")[2].split("/")[0])))
        except ConnectionRefusedError:
            return True
        return False

    wait_until(is_refused)
    relay.tend()
    relay.leave()


HOLDER = """
import json, subprocess, sys, time
from pathlib import Path
from agentd.meter.process import RelayProcess
relay = RelayProcess([sys.executable, "-m", "agentd.budget.gate"], json.loads(sys.argv[1]),
                     run_dir=Path(sys.argv[2]))
cli = subprocess.Popen(["sleep", "60"], pass_fds=relay.held_by_run)
print(json.dumps([relay.url, relay.pid, cli.pid]), flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("relay_too", [False, True], ids=["agentd", "both"])
def test_agentd_is_killed(relay_too: bool, api: LoopbackApi, tmp_path: Path) -> None:
    given = json.dumps({"provider": "claude", "upstream": api.url})
    agentd = subprocess.Popen(
        [sys.executable, "-c", HOLDER, given, str(tmp_path)], stdout=subprocess.PIPE
    )
    assert agentd.stdout
    url, relay_pid, cli_pid = json.loads(agentd.stdout.readline())
    try:
        assert ask(url)[0] == 200
        agentd.kill()
        agentd.wait()
        if relay_too:
            os.kill(relay_pid, signal.SIGKILL)
            assert wait_for_relay(tmp_path / NAME, 10)
            with pytest.raises(ConnectionError):  # at once: nobody listens any more
                ask(url)
        else:
            assert ask(url)[0] == 200
    finally:
        agentd.kill()
        agentd.stdout.close()
        os.kill(cli_pid, signal.SIGKILL)
    assert wait_for_relay(tmp_path / NAME, 10)
    assert [request.usage for request in read_requests(tmp_path / NAME)] == [USAGE] * (
        1 if relay_too else 2
    )


def test_ports_that_are_taken_are_no_matter(api: LoopbackApi, tmp_path: Path) -> None:
    """Each relay listens where nobody does."""
    folders = [tmp_path / str(number) for number in range(3)]
    for folder in folders:
        folder.mkdir()
    relays = [start(api, folder) for folder in folders]
    assert len({relay.url for relay in relays}) == 3
    assert [ask(relay.url)[0] for relay in relays] == [200] * 3
    for relay in relays:
        relay.leave(wait_s=10)
