"""Time limits, Ctrl-C and other signals, with real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from standins.running import lives, pid_in, request, run, toy_agentd, until

from agentd.runner.run import ScriptRunner
from agentd.runner.run_folder import RunFolder
from agentd.runner.stop import Stage, stop

pytestmark = pytest.mark.timing


def _stop(agentd: subprocess.Popen[bytes], *numbers: int) -> None:
    """Signal agentd, and give it the time to see each signal."""
    for number in numbers:
        agentd.send_signal(number)
        with pytest.raises(subprocess.TimeoutExpired):
            agentd.wait(timeout=0.3)


def test_a_push_while_a_signal_is_sent_skips_to_the_next_stage() -> None:
    sent: list[int] = []
    stages = (Stage(signal.SIGINT, 60), Stage(signal.SIGTERM, 60), Stage(signal.SIGKILL, 0.01))
    began = time.monotonic()
    stop(
        stages,
        send=sent.append,
        alive=lambda: True,
        pump=lambda: False,
        pushes=lambda: len({*sent}),
    )
    assert [*dict.fromkeys(sent)] == [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("scene", "exit_code", "input_tokens", "source", "text"),
    [
        ("reports_on_sigint", 0, 111, "stdout", "stopped"),
        ("reports_on_sigterm", 143, 111, "partial", ""),
        ("stubborn", -signal.SIGKILL, 100, "partial", ""),
    ],
)
def test_the_time_limit_goes_through_the_stages(
    tmp_path: Path, scene: str, exit_code: int, input_tokens: int, source: str, text: str
) -> None:
    result = run(tmp_path, scene, tmp_path / "pid", timeout_s=0.5)
    assert (result.status, result.exit_code) == ("timeout", exit_code)
    assert (result.usage.input_tokens, result.usage_source) == (input_tokens, source)
    assert result.final_text == text
    assert not lives(pid_in(tmp_path / "pid"))


def test_a_tool_in_a_group_of_its_own_is_stopped_too(tmp_path: Path) -> None:
    result = run(tmp_path, "has_tool_in_its_own_group", tmp_path / "pid", timeout_s=1.0)
    assert result.status == "timeout"
    assert not lives(pid_in(tmp_path / "pid"))


def test_cancel_from_another_thread(tmp_path: Path) -> None:
    runner = ScriptRunner(stop_grace_s=30, term_grace_s=30)

    def cancel() -> None:
        pid_in(tmp_path / "pid")
        until(lambda: (tmp_path / "runs/call/stdout").read_text().count("\n") == 2)
        attended.append(RunFolder(tmp_path / "runs/call").is_attended())
        runner.cancel()

    attended: list[bool] = []
    thread = threading.Thread(target=cancel)
    thread.start()
    result = runner.run(request(tmp_path, "reports_on_sigint", tmp_path / "pid"))
    thread.join()
    assert (result.status, result.final_text) == ("cancelled", "stopped")
    assert attended == [True]  # by its lock: in one process the pid does not count


def test_a_run_outside_the_main_thread_leaves_signals_alone(tmp_path: Path) -> None:
    statuses: list[str] = []
    thread = threading.Thread(target=lambda: statuses.append(run(tmp_path, "good").status))
    thread.start()
    thread.join()
    assert statuses == ["ok"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_agentd_cancels_the_run(tmp_path: Path, number: int) -> None:
    with toy_agentd(tmp_path, "reports_on_sigint", tmp_path / "pid") as agentd:
        pid = pid_in(tmp_path / "pid")
        agentd.send_signal(number)
        seen = json.loads(agentd.communicate()[0])
    assert (seen["status"], seen["exit_code"], seen["final_text"]) == ("cancelled", 0, "stopped")
    assert seen["restored"]
    assert not lives(pid)


@pytest.mark.parametrize(
    ("scene", "numbers", "exit_code"),
    [
        ("reports_on_sigterm", (signal.SIGINT, signal.SIGINT), 143),
        ("stubborn", (signal.SIGINT, signal.SIGINT, signal.SIGINT), -signal.SIGKILL),
        ("stubborn", (signal.SIGTERM, signal.SIGINT, signal.SIGHUP), -signal.SIGKILL),
    ],
)
def test_each_further_signal_skips_to_the_next_stage(
    tmp_path: Path, scene: str, numbers: tuple[int, ...], exit_code: int
) -> None:
    # The graces of toy_agentd.py are 30 s: without skipping, this would take a minute.
    with toy_agentd(tmp_path, scene, tmp_path / "pid") as agentd:
        pid = pid_in(tmp_path / "pid")
        _stop(agentd, *numbers[:-1])
        agentd.send_signal(numbers[-1])
        seen = json.loads(agentd.communicate(timeout=20)[0])
    assert (seen["status"], seen["exit_code"]) == ("cancelled", exit_code)
    assert not lives(pid)
