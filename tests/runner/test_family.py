"""What a CLI leaves running is ended with its run, however it hides; nothing else is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from standins.running import lives, pid_in, run, taken_up, toy_agentd, until

from agentd.errors import InputError
from agentd.runner import family, process
from agentd.runner.family import MARK, Family, adopting, marked
from agentd.runner.recovery import still_running, unfinished
from agentd.runner.run_folder import RunFolder

linux = pytest.mark.skipif(sys.platform != "linux", reason="orphans are taken up on Linux alone")
needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc here")


@needs_proc
def test_a_daemon_is_ended_with_the_run(tmp_path: Path) -> None:
    """Also in a library's process, which may have children of its own."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as other:
        assert run(tmp_path, "leaves_a_daemon", tmp_path / "pid").status == "ok"
        assert not lives(pid_in(tmp_path / "pid"))
        assert lives(other.pid)
        other.kill()


def test_children_that_a_library_starts_meanwhile_are_left_alone(tmp_path: Path) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        until((tmp_path / "runs/call/stdout").exists)
        started.append(subprocess.Popen(["sleep", "60"], start_new_session=True))
        (tmp_path / "go").touch()

    thread = threading.Thread(target=start)
    thread.start()
    assert run(tmp_path, "waits_for", tmp_path / "go", tmp_path / "pid").status == "ok"
    thread.join()
    assert lives(started[0].pid)
    started[0].kill()
    started[0].wait()


@linux
def test_orphans_of_what_was_there_before_are_left_alone(tmp_path: Path) -> None:
    """As those of a shell that has started something before it became agentd."""
    code = "setsid sleep 60 & echo $!; wait"
    with adopting(), subprocess.Popen(["sh", "-c", code], stdout=subprocess.PIPE) as before:
        assert before.stdout is not None
        orphan = int(before.stdout.readline())
        own = Family(tmp_path, adopts=True)
        assert own.members() == []
        before.kill()
        before.wait()
        until(lambda: process.processes()[orphan].parent == os.getpid())
        assert own.members() == []
        os.kill(orphan, signal.SIGKILL)
        os.waitpid(orphan, 0)


@linux
@pytest.mark.parametrize("kept", ["marked", "nothing"])
def test_agentd_takes_up_orphans(tmp_path: Path, kept: str) -> None:
    """Without environment, session, open files or parent they are still its own."""
    with toy_agentd(tmp_path, "leaves_a_daemon", tmp_path / "pid", kept) as agentd:
        seen = json.loads(agentd.communicate()[0])
    assert (seen["status"], seen["final_text"]) == ("ok", "done")
    assert not lives(pid_in(tmp_path / "pid"))
    noted = tmp_path / "runs/call/processes"
    assert not noted.exists() or kept == "nothing"


def test_what_forks_and_ends_without_end_is_ended(tmp_path: Path) -> None:
    with toy_agentd(tmp_path, "forks_without_end", tmp_path / "pid") as agentd:
        assert json.loads(agentd.communicate()[0])["status"] == "ok"
    group = pid_in(tmp_path / "pid")
    try:
        with pytest.raises(ProcessLookupError):
            os.killpg(group, 0)
    finally:
        process.signal_group(group, signal.SIGKILL)


@needs_proc
@pytest.mark.parametrize("kept", ["marked", "nothing"])
def test_agentd_killed_by_its_agent_the_next_command_ends_what_stays(
    tmp_path: Path, kept: str
) -> None:
    """What carries no mark is known once agentd has seen it."""
    scene = ["daemon_and_kills_agentd", tmp_path / "pid", kept]
    if kept == "nothing":
        scene.append(tmp_path / "runs/call/processes")
    with toy_agentd(tmp_path, *scene) as agentd:
        assert agentd.wait() == -signal.SIGKILL
    pid, folder = pid_in(tmp_path / "pid"), RunFolder(tmp_path / "runs/call")
    until(lambda: not lives(folder.info().cli_pid or 0))
    assert lives(pid)
    assert still_running(folder)
    assert unfinished(tmp_path / "runs") == [folder]
    assert taken_up(folder).usage.input_tokens == 100
    assert not lives(pid)
    assert not still_running(folder)


@needs_proc
def test_binary_that_outlives_its_launcher_is_followed_to_its_end(tmp_path: Path) -> None:
    def kill_and_let_go() -> None:
        pid_in(tmp_path / "pid")
        os.kill(RunFolder(tmp_path / "runs/call").info().cli_pid or 0, signal.SIGKILL)
        threading.Timer(0.3, (tmp_path / "go").touch).start()

    thread = threading.Thread(target=kill_and_let_go)
    thread.start()
    result = run(tmp_path, "launcher", tmp_path / "pid", tmp_path / "go")
    thread.join()
    assert (result.status, result.exit_code, result.final_text) == ("ok", None, "late")
    assert not lives(pid_in(tmp_path / "pid"))


@needs_proc
@pytest.mark.parametrize("goes_on", [True, False])
def test_binary_without_launcher_that_goes_on_after_a_report(tmp_path: Path, goes_on: bool) -> None:
    """What it began anew is counted, or the call is not told as exact."""

    def kill_and_let_go() -> None:
        pid_in(tmp_path / "pid")
        os.kill(RunFolder(tmp_path / "runs/call").info().cli_pid or 0, signal.SIGKILL)
        if goes_on:
            threading.Timer(0.5, (tmp_path / "go").touch).start()

    thread = threading.Thread(target=kill_and_let_go)
    thread.start()
    result = run(tmp_path, "launcher_of_turns", tmp_path / "pid", tmp_path / "go")
    thread.join()
    assert not lives(pid_in(tmp_path / "pid"))
    assert (result.status, result.exit_code) == ("ok", None)
    if goes_on:
        assert (result.final_text, result.usage.input_tokens) == ("second", 200)
        assert (result.accuracy, result.why) == ("exact", None)
    else:
        assert (result.final_text, result.usage.input_tokens) == ("first", 100)
        assert result.accuracy == "heuristic"
        assert result.why == "a process of it stayed after its report, and was not seen to end"


@needs_proc
def test_binary_without_launcher_keeps_to_the_time_limit(tmp_path: Path) -> None:
    def kill() -> None:
        pid_in(tmp_path / "pid")
        os.kill(RunFolder(tmp_path / "runs/call").info().cli_pid or 0, signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    result = run(tmp_path, "launcher", tmp_path / "pid", tmp_path / "go", timeout_s=3)
    thread.join()
    assert result.status == "timeout"
    assert not lives(pid_in(tmp_path / "pid"))


@needs_proc
def test_server_of_a_killed_cli_is_not_taken_for_it(tmp_path: Path) -> None:
    result = run(tmp_path, "server_that_stays", tmp_path / "pid", timeout_s=50)
    assert (result.status, result.exit_code) == ("failed", -signal.SIGKILL)
    assert result.duration_ms < 20_000
    assert not lives(pid_in(tmp_path / "pid"))


@needs_proc
def test_orphaned_binary_without_launcher_is_followed(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs/call")
    with toy_agentd(tmp_path, "launcher", tmp_path / "pid", tmp_path / "go") as agentd:
        pid = pid_in(tmp_path / "pid")
        until(lambda: folder.info().cli_pid)
        agentd.kill()
    os.kill(folder.info().cli_pid or 0, signal.SIGKILL)
    until(lambda: not lives(folder.info().cli_pid or 0))
    assert still_running(folder)
    (tmp_path / "go").touch()
    result = taken_up(folder)
    assert (result.status, result.final_text, result.accuracy) == ("ok", "late", "exact")
    assert not lives(pid)


def test_a_named_pipe_notes_no_processes(tmp_path: Path) -> None:
    """An agent may plant one before it kills agentd, and whoever reads it waits without end."""
    os.mkfifo(tmp_path / "processes")
    noted = Family(tmp_path)
    noted.read_noted()
    assert not noted.members()


def test_recovery_inside_the_run_itself_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent may start agentd, which must not end itself."""
    folder = RunFolder(run(tmp_path, "good").run_dir)
    monkeypatch.setenv(MARK, marked({MARK: "/elsewhere"}, folder.path)[MARK])
    with pytest.raises(InputError, match="inside the run"):
        taken_up(folder)


def test_marks_of_other_runs_are_other_marks(tmp_path: Path) -> None:
    inner = marked(marked(dict(os.environ), tmp_path / "a:1"), tmp_path / "b")
    with subprocess.Popen(["sleep", "60"], env=inner, start_new_session=True) as child:
        try:
            if process.has_proc():
                assert [each.pid for each in Family(tmp_path / "a:1").members()] == [child.pid]
                assert [each.pid for each in Family(tmp_path / "b").members()] == [child.pid]
            assert Family(tmp_path / "a").members() == []
            assert Family(tmp_path).members() == []
        finally:
            child.kill()


@pytest.mark.parametrize("proc", [False, pytest.param(True, marks=needs_proc)])
def test_without_an_environment_groups_and_sessions_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proc: bool
) -> None:
    """Where there is no /proc, and where it has none yet, as of one that has just been started."""
    if not proc:
        for module in (process, family):
            monkeypatch.setattr(module, "has_proc", lambda: False)
    code = "env -i sleep 60 & exec sleep 0.01"  # its leader is gone soon
    with subprocess.Popen(["sh", "-c", code], start_new_session=True) as leader:
        token = process.start_token(leader.pid)
    left = Family(tmp_path)
    left.begun(leader.pid, token, just_now=proc)
    assert [each.session for each in left.members()] == [leader.pid]
    left.signal(signal.SIGKILL)
    until(lambda: not left.lives())


def test_those_who_stop_a_run_look_for_all_processes_only_when_the_known_ones_are_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    def look() -> dict[int, process.Process]:
        nonlocal looks
        looks += 1
        return process.processes()

    monkeypatch.setattr(family, "processes", look)
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as child:
        left = Family(tmp_path)
        left.begun(child.pid, process.start_token(child.pid))
        assert all(left.lives() for _ in range(50))
        assert looks == 0
        child.kill()
    assert not left.lives()
    assert looks == 1


@needs_proc
def test_a_process_without_a_mark_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def environment(pid: int) -> bytes | None:
        read.append(pid)
        return process.environment(pid)

    monkeypatch.setattr(family, "environment", environment)
    environ = {name: text for name, text in os.environ.items() if name != MARK}
    with (
        subprocess.Popen(["sleep", "60"], env=environ) as stranger,
        subprocess.Popen(["sleep", "60"], env=marked(environ, tmp_path / "runs/a")) as child,
    ):
        until(lambda: bool(process.environment(stranger.pid) and process.environment(child.pid)))
        for _ in range(3):  # as before each step of a loop
            assert family.marked_runs(tmp_path / "runs") == {tmp_path / "runs/a"}
        assert (read.count(stranger.pid), read.count(child.pid)) == (1, 3)
        stranger.kill()
        child.kill()
