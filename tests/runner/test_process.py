"""What is told of processes, by /proc (Linux) and by ps (elsewhere)."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from standins.running import until

from agentd.runner import process
from agentd.runner.process import children, is_same, processes, signal_group, start_token


@pytest.fixture(params=["proc", "ps"], autouse=True)
def _source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "ps":
        monkeypatch.setattr(process, "has_proc", lambda: False)
    elif not Path("/proc/self/stat").exists():
        pytest.skip("no /proc here")


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own; nobody collects it before the end of the test."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as running:
        yield running
        running.kill()


def test_a_living_process(sleeper: subprocess.Popen[bytes]) -> None:
    token = start_token(sleeper.pid)
    assert token
    assert start_token(sleeper.pid) == token
    assert is_same(sleeper.pid, token)
    assert not is_same(sleeper.pid, token + "1")
    assert not is_same(None, token)
    assert not is_same(sleeper.pid, None)


def test_a_zombie_is_gone(sleeper: subprocess.Popen[bytes]) -> None:
    token = start_token(sleeper.pid)
    signal_group(sleeper.pid, signal.SIGKILL)
    until(lambda: start_token(sleeper.pid) is None)
    os.kill(sleeper.pid, 0)  # its number is still taken
    assert not is_same(sleeper.pid, token)


def test_a_process_that_never_was() -> None:
    child = subprocess.Popen(["true"], start_new_session=True)
    child.wait()
    assert start_token(child.pid) is None
    signal_group(child.pid, signal.SIGTERM)


def test_children_are_this_processs_own_also_those_that_nobody_has_collected(
    sleeper: subprocess.Popen[bytes],
) -> None:
    with (
        subprocess.Popen(["true"]) as ended,
        subprocess.Popen(["sh", "-c", "sleep 60 & wait"]) as sh,
    ):
        until(lambda: processes()[ended.pid].state == "Z")
        until(lambda: any(each.parent == sh.pid for each in processes().values()))
        found = children()
        below = {each.pid for each in processes().values() if each.parent == sh.pid}
        for pid in below:
            os.kill(pid, signal.SIGKILL)
        assert {sleeper.pid, ended.pid, sh.pid} <= found.keys()
        assert found.keys().isdisjoint(below)
        assert found[sleeper.pid] == start_token(sleeper.pid)


def test_children_are_found_where_the_kernel_does_not_list_them(
    sleeper: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = children()
    monkeypatch.setattr(Path, "glob", lambda *_: iter(()))
    assert children().items() >= {sleeper.pid: listed[sleeper.pid]}.items()
