"""Runs whose agentd was killed, finished by another process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from standins.running import lives, pid_in, run, taken_up, toy_agentd, until

from agentd.errors import StateError
from agentd.ledger.call_id import new_call_id
from agentd.metering.usage import UsageMetrics
from agentd.providers.activity import Snapshot
from agentd.runner.process import has_proc
from agentd.runner.recovery import did_not_begin, still_running, unfinished
from agentd.runner.run import ScriptRunner
from agentd.runner.run_folder import RunFolder


def _killed(tmp_path: Path, scene: str, *arguments: object) -> RunFolder:
    """The folder of a run whose agentd was killed when the CLI had printed its first lines."""
    folder = RunFolder(tmp_path / "runs/call")
    with toy_agentd(tmp_path, scene, *arguments) as agentd:
        until(lambda: folder.run_json.exists() and folder.info().cli_pid)
        until(lambda: folder.stdout.read_bytes().count(b"\n") >= 2)
        assert unfinished(tmp_path / "runs") == []  # attended
        assert still_running(folder)
        agentd.kill()
    return folder


def _soon(folder: RunFolder, deed: Callable[[], object]) -> threading.Thread:
    """Do it once this process attends to the run, which others see."""

    def wait() -> None:
        until(lambda: folder.info().agentd_pid == os.getpid())
        deed()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_cli_that_lives_on_is_followed_to_its_end(tmp_path: Path) -> None:
    folder = _killed(tmp_path, "waits_for", tmp_path / "go", tmp_path / "pid")
    pid = pid_in(tmp_path / "pid")
    assert lives(pid)
    assert unfinished(tmp_path / "runs") == [folder]
    seen: list[Snapshot] = []
    thread = _soon(folder, (tmp_path / "go").touch)
    result = taken_up(folder, watch=seen.append)
    thread.join()
    assert (result.status, result.exit_code, result.final_text) == ("ok", None, "late")
    assert (result.usage.input_tokens, result.usage_source) == (100, "stdout")
    assert (result.accuracy, result.failure) == ("exact", None)
    assert (result.call_id, result.step, result.provider) == ("call", "proposal", "toy")
    assert seen[0].elapsed_ms > 0
    assert seen[-1].usage is not None
    assert not lives(pid)
    assert not still_running(folder)


def test_an_agentd_that_follows_is_killed_and_the_next_one_goes_on(tmp_path: Path) -> None:
    folder = _killed(tmp_path, "waits_for", tmp_path / "go", tmp_path / "pid")
    child = os.fork()
    if child == 0:
        taken_up(folder)
        os._exit(0)
    until(lambda: folder.info().agentd_pid == child)
    assert unfinished(tmp_path / "runs") == []  # attended again
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert unfinished(tmp_path / "runs") == [folder]
    (tmp_path / "go").touch()
    assert taken_up(folder).status == "ok"


def test_ctrl_c_stops_one_that_is_followed_so_that_it_reports(tmp_path: Path) -> None:
    folder = _killed(tmp_path, "reports_on_sigint", tmp_path / "pid")
    thread = _soon(folder, lambda: os.kill(os.getpid(), signal.SIGINT))
    result = taken_up(folder, ScriptRunner(stop_grace_s=30))
    thread.join()
    assert (result.status, result.exit_code, result.final_text) == ("cancelled", None, "stopped")
    assert (result.usage.input_tokens, result.usage_source) == (111, "stdout")
    assert not lives(pid_in(tmp_path / "pid"))


def test_its_time_limit_counts_from_its_own_begin(tmp_path: Path) -> None:
    folder = _killed(tmp_path, "stubborn", tmp_path / "pid")
    began = folder.info().started_at - timedelta(hours=1)
    folder.write_info(replace(folder.info(), started_at=began))
    result = taken_up(folder, timeout_s=3600)
    assert (result.status, result.usage.input_tokens) == ("timeout", 100)
    assert result.usage_source == "partial"
    assert result.duration_ms > 3_600_000
    assert not lives(pid_in(tmp_path / "pid"))


def test_a_budget_stops_one_that_is_followed(tmp_path: Path) -> None:
    folder = _killed(tmp_path, "reports_on_sigint", tmp_path / "pid")
    result = taken_up(folder, meter=lambda used: used.input_tokens >= 100)
    assert (result.status, result.usage.input_tokens) == ("budget_stopped", 111)


def test_a_cli_that_ended_meanwhile_is_read(tmp_path: Path) -> None:
    folder = _killed(tmp_path, "waits_for", tmp_path / "go", tmp_path / "pid")
    (tmp_path / "go").touch()
    until(lambda: not still_running(folder))
    os.utime(folder.stdout, (0, folder.info().started_at.timestamp() + 5))
    os.utime(folder.stderr, (0, 0))
    first, second = taken_up(folder), taken_up(folder)
    assert first == second
    assert (first.status, first.final_text, first.usage_source) == ("ok", "late", "stdout")
    assert first.duration_ms == 5000


def test_a_later_process_with_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    folder = _killed(tmp_path, "stubborn", tmp_path / "pid")
    pid = pid_in(tmp_path / "pid")
    os.killpg(pid, signal.SIGKILL)
    until(lambda: not lives(pid))
    info = json.loads(folder.run_json.read_text())
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as later:
        try:
            folder.run_json.write_text(json.dumps({**info, "cli_pid": later.pid}))
            assert not still_running(folder)
            assert taken_up(folder).usage.input_tokens == 100
            assert lives(later.pid)
        finally:
            later.kill()


def test_killed_before_the_cli_started(tmp_path: Path) -> None:
    folder = RunFolder(run(tmp_path, "nothing").run_dir)
    info = json.loads(folder.run_json.read_text())
    folder.run_json.write_text(json.dumps({**info, "cli_pid": None, "cli_token": None}))
    folder.stdout.unlink()
    result = taken_up(folder)
    assert (result.usage, result.status) == (UsageMetrics(), "interrupted")


def _not_begun(tmp_path: Path) -> RunFolder:
    """A run whose agentd was killed right before it started the CLI."""
    folder = RunFolder(run(tmp_path, "nothing").run_dir)
    for file in (folder.stdout, folder.stderr):
        file.write_bytes(b"")
    folder.write_info(replace(folder.info(), cli_pid=None, cli_token=None))
    return folder


def test_a_run_that_did_not_begin(tmp_path: Path) -> None:
    folder = _not_begun(tmp_path)
    assert did_not_begin(folder, folder.info()) == has_proc()


@pytest.mark.parametrize("deed", ["unlink", "touch"])
def test_a_cli_that_killed_agentd_at_once_and_left_no_output_did_begin(
    tmp_path: Path, deed: str
) -> None:
    folder = _not_begun(tmp_path)
    time.sleep(0.02)  # the clock of a file system is coarse
    getattr(folder.stdout, deed)()
    assert not did_not_begin(folder, folder.info())


@pytest.mark.parametrize("name", ["call.json", "call.pending.json"])
def test_a_recorded_run_is_finished(tmp_path: Path, name: str) -> None:
    folder = RunFolder(run(tmp_path, "good").run_dir)
    assert unfinished(tmp_path / "runs") == [folder]
    (folder.path / name).touch()
    assert unfinished(tmp_path / "runs") == []


def test_a_run_that_ended_but_is_not_recorded_yet_is_not_taken(tmp_path: Path) -> None:
    """Its agentd lives and has let go of the lock: it is about to record the run."""
    folder = RunFolder(run(tmp_path, "good").run_dir)
    child = os.fork()
    if child == 0:
        os._exit(len(unfinished(tmp_path / "runs")))  # seen from another process
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert unfinished(tmp_path / "runs") == [folder]  # from itself: it can't be about to


def test_what_unfinished_passes_by(tmp_path: Path) -> None:
    assert unfinished(tmp_path / "runs") == []
    RunFolder.create(tmp_path / "runs", "reserved-only")
    (tmp_path / "runs/a-file").touch()
    assert unfinished(tmp_path / "runs") == []


def test_a_damaged_run_json(tmp_path: Path) -> None:
    folder = RunFolder(run(tmp_path, "good").run_dir)
    for text in ("{", "[]", '{"call_id": "x"}', '{"started_at": "x", "argv": []}'):
        folder.run_json.write_text(text)
        assert unfinished(tmp_path / "runs") == [folder]
        with pytest.raises(StateError, match=r"run\.json: damaged"):
            taken_up(folder)


def test_one_recovers_at_a_time(tmp_path: Path) -> None:
    folder = RunFolder(run(tmp_path, "good").run_dir)
    with folder.attend():
        assert unfinished(tmp_path / "runs") == []
        with pytest.raises(StateError), folder.attend(timeout_s=0.05):
            pass
    assert taken_up(folder).usage.input_tokens == 100


def test_call_ids() -> None:
    now = datetime(2026, 11, 22, 5, 40, 52, tzinfo=UTC)
    ids = {new_call_id("archive-review", now) for _ in range(50)}
    assert len(ids) == 50
    for call_id in ids:
        stem, _, digits = call_id.rpartition("-")
        assert stem == "20261122T054052-archive-review"
        assert len(digits) == 8
        int(digits, 16)
