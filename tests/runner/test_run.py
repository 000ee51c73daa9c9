"""ScriptRunner against real processes: what they print, how they end, what they leave."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import stat
import threading
import time
from pathlib import Path

import pytest
from standins.running import lives, pid_in, request, run, toy, toy_agentd

from agentd.errors import InputError, ProviderError, StateError
from agentd.metering.usage import ModelUsage
from agentd.runner.run import ScriptRunner
from agentd.runner.run_folder import RunFolder

# scene, its arguments, then what the result must be
CASES = [
    # (scene, arguments, status, exit code, input tokens, source, final text, words of the error)
    ("good", (), "ok", 0, 100, "stdout", "read 5 bytes", None),
    ("failing", (3,), "failed", 3, 100, "partial", "", "line 40\nline 41"),
    ("error_result", (), "failed", 1, 100, "stdout", "", "API Error: 500"),
    ("cut_exit_0", (), "failed", 0, 100, "partial", "", "exit code 0; no report"),
    ("nothing", (0,), "failed", 0, 0, "estimated", "", "exit code 0; no report"),
    ("nothing", (7,), "failed", 7, 0, "estimated", "", "exit code 7"),
    # As a launcher whose binary has told its end.
    ("killed_after_its_end", (), "ok", None, 100, "stdout", "read 5 bytes", None),
    ("unused_model", (0,), "ok", 0, 2, "estimated", "four words of text", None),
    ("unused_model", (1,), "ok", 1, 2, "estimated", "four words of text", None),
    ("malformed", (), "ok", 0, 2, "estimated", "", 'usage.input is "many"'),
    ("documents", (), "ok", 0, 7, "stdout", "", None),
    ("invalid_utf8", (), "ok", 0, 100, "stdout", "caf\N{REPLACEMENT CHARACTER}", None),
    ("odd_lines", (), "ok", 0, 100, "stdout", "found", None),
    ("after_result", (), "ok", 0, 101, "stdout", "done", None),
    ("closes_stdin", (), "ok", 0, 100, "stdout", "done", None),
    ("truncates", (), "ok", 0, 100, "stdout", "done", None),
    ("long_line", (50, "before"), "ok", 0, 100, "stdout", "done", None),
    ("long_line", (50, "result"), "ok", 0, 100, "stdout", "done", None),
    ("long_line", (1, "last"), "ok", 0, 100, "stdout", "done", None),
    ("long_line", (65, "before"), "ok", 0, 100, "stdout", "done", None),
    ("long_line", (65, "result"), "failed", 0, 100, "partial", "done", "exit code 0; no report"),
]


@pytest.mark.parametrize(
    ("scene", "arguments", "status", "exit_code", "input_tokens", "source", "text", "error"),
    CASES,
    ids=[f"{case[0]}-{'-'.join(map(str, case[1]))}" for case in CASES],
)
def test_output(
    tmp_path: Path,
    scene: str,
    arguments: tuple[object, ...],
    status: str,
    exit_code: int,
    input_tokens: int,
    source: str,
    text: str,
    error: str | None,
) -> None:
    result = run(tmp_path, scene, *arguments)
    assert (result.status, result.exit_code) == (status, exit_code)
    assert (result.usage.input_tokens, result.usage_source) == (input_tokens, source)
    assert result.accuracy == ("exact" if source == "stdout" else "heuristic")
    assert result.final_text == text
    assert error in result.error if error and result.error else result.error is error


def test_malformed_usage_is_told_in_the_call(tmp_path: Path) -> None:
    result = run(tmp_path, "malformed", model="requested")
    assert 'usage.input is "many"' in (result.why or "")
    assert (result.model, result.session_id) == ("toy-1", "s1")


def test_the_result_says_what_ran(tmp_path: Path) -> None:
    result = run(tmp_path, "good", model="requested")
    assert (result.provider, result.step, result.call_id) == ("toy", "proposal", "call")
    assert (result.model, result.session_id) == ("toy-1", "s1")
    assert result.usage.by_model == {"toy-1": ModelUsage(input_tokens=100, output_tokens=20)}
    assert result.usage.session_id == "s1"
    assert run(tmp_path, "nothing", call_id="other", model="requested").model == "requested"
    assert run(tmp_path, "nothing", call_id="third").model == "unknown"


def test_a_marked_line_of_5_mb_is_read_whole(tmp_path: Path) -> None:
    assert run(tmp_path, "long_line", 5, "marked").final_text == "x" * (5 << 20)


def test_the_folder_keeps_everything(tmp_path: Path) -> None:
    result = run(tmp_path, "failing")
    folder = RunFolder(result.run_dir)
    assert folder.prompt.read_text() == "do it"
    assert len(folder.stdout.read_text().splitlines()) == 2
    assert len(folder.stderr.read_text().splitlines()) == 50
    info = folder.info()
    assert info.argv[-1] == "failing"
    assert (info.agentd_pid, info.cwd, info.started_at) == (
        os.getpid(),
        str(tmp_path),
        result.started_at,
    )
    assert info.cli_pid
    assert info.cli_token


def test_a_prompt_of_5_mb_arrives_whole(tmp_path: Path) -> None:
    prompt = "é€😀\n" * 500_000
    result = run(tmp_path, "digest", prompt=prompt)
    assert result.final_text == hashlib.sha256(prompt.encode()).hexdigest()


def test_a_prompt_that_nobody_reads(tmp_path: Path) -> None:
    assert run(tmp_path, "never_reads", prompt="x" * 5_000_000).status == "ok"


def test_the_clis_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_AGENTD", "yes")
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        seen = json.loads(run(tmp_path, "surroundings", "TOY_MODE", "FROM_AGENTD").final_text)
        given = run(
            tmp_path,
            "surroundings",
            *("TOY_MODE", "FROM_AGENTD", "GIVEN"),
            call_id="other",
            environ={"GIVEN": "1"},
        )
    finally:
        os.close(fd)
    assert seen["cwd"] == str(tmp_path.resolve())
    assert seen["env"] == {"TOY_MODE": "headless", "FROM_AGENTD": "yes"}
    assert json.loads(given.final_text)["env"] == {
        "TOY_MODE": "headless",
        "FROM_AGENTD": None,
        "GIVEN": "1",
    }
    assert seen["session_leader"]
    assert seen["fds"] == [0, 1, 2]


def test_an_ignored_sigint_stays_ignored_but_is_not_handed_on(tmp_path: Path) -> None:
    def press_ctrl_c() -> None:
        pid_in(tmp_path / "pid")
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)  # agentd looks every 20 ms
        (tmp_path / "go").touch()

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # like `agentd ... &` in a script
    try:
        assert json.loads(run(tmp_path, "surroundings").final_text)["sigint"]
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        thread = threading.Thread(target=press_ctrl_c)
        thread.start()
        result = run(tmp_path, "waits_for", tmp_path / "go", tmp_path / "pid", call_id="other")
        thread.join()
        assert result.status == "ok"
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("scene", ["forks_and_exits", "forks_stubborn"])
def test_a_child_left_behind_neither_hangs_nor_lives_on(tmp_path: Path, scene: str) -> None:
    result = run(tmp_path, scene, tmp_path / "pid")
    assert (result.status, result.final_text) == ("ok", "done")
    assert result.usage.input_tokens == 105  # its own line included
    assert not lives(pid_in(tmp_path / "pid"))


def test_a_child_that_escaped_and_prints_without_end(tmp_path: Path) -> None:
    assert run(tmp_path, "escapes", tmp_path / "pid").usage.input_tokens == 100
    assert not lives(pid_in(tmp_path / "pid"))


def test_no_zombie_is_left(tmp_path: Path) -> None:
    run(tmp_path, "good")
    assert [path for path in Path("/proc").glob("[0-9]*/stat") if _is_own_zombie(path)] == []


def _is_own_zombie(stat_file: Path) -> bool:
    try:
        state, parent, *_ = stat_file.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):  # it ended
        return False
    return state == "Z" and parent == str(os.getpid())


@pytest.mark.parametrize(
    ("scene", "size_mib", "more"), [("floods", 200, ()), ("long_line", 100, ("before",))]
)
def test_memory_stays_flat(
    tmp_path: Path, scene: str, size_mib: int, more: tuple[str, ...]
) -> None:
    with toy_agentd(tmp_path, scene, size_mib, *more) as agentd:
        seen = json.loads(agentd.communicate()[0])
    assert seen["status"] == "ok"
    assert (tmp_path / "runs/call/stdout").stat().st_size > (size_mib - 1) << 20
    assert seen["growth_mib"] < 50


def _not_executable(folder: Path) -> str:
    (folder / "cli").write_text("#!/bin/sh\n")
    return str(folder / "cli")


def _lost_interpreter(folder: Path) -> str:
    (folder / "cli").write_text("#!/no/such/shell\n")
    (folder / "cli").chmod(0o755)
    return str(folder / "cli")


def _not_there(folder: Path) -> str:
    return "no-such-cli-anywhere"


@pytest.mark.parametrize("command", [_not_there, _not_executable, _lost_interpreter])
def test_a_command_that_cannot_start(tmp_path: Path, command: object) -> None:
    assert callable(command)
    name = command(tmp_path)
    with pytest.raises(ProviderError) as caught:
        run(tmp_path, "good", command=name)
    assert name in caught.value.message
    assert "agentd/config.toml: [toy] command" in caught.value.message
    assert "Install Toy CLI" in caught.value.fix
    assert list((tmp_path / "runs").iterdir()) == []


@pytest.mark.parametrize("call_id", ["../x", "a/b", "", ".", "..", ".x", "a\n", "x" * 200])
def test_an_id_that_is_no_plain_name(tmp_path: Path, call_id: str) -> None:
    with pytest.raises(InputError):
        run(tmp_path, "good", call_id=call_id)
    assert list(tmp_path.iterdir()) == []


def test_a_call_id_is_used_once(tmp_path: Path) -> None:
    run(tmp_path, "good")
    with pytest.raises(InputError, match="been there before"):
        run(tmp_path, "good")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(StateError, match="runs"):
        run(tmp_path, "good")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file is in the way")
    with pytest.raises(StateError, match="runs"):
        run(tmp_path, "good")


def test_a_full_disk(tmp_path: Path) -> None:
    """A limit on file sizes stands in for it; nothing half-made is left."""
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
        try:
            run(tmp_path, "good", prompt="x" * 20_000)
        except StateError as error:
            os._exit(0 if str(tmp_path / "runs/call") in error.message else 3)
        os._exit(4)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_bug_in_a_parser_leaves_no_cli_running(tmp_path: Path) -> None:
    class Buggy:
        def feed(self, event: object) -> None:
            raise RuntimeError("bug")

        def parsed(self) -> None:
            raise RuntimeError("bug")

    provider = toy(new_parser=Buggy)
    with pytest.raises(RuntimeError, match="bug"):
        run(tmp_path, "stubborn", tmp_path / "pid", provider=provider)
    assert not lives(pid_in(tmp_path / "pid"))


def test_cancel_without_a_run_does_nothing(tmp_path: Path) -> None:
    runner = ScriptRunner()
    runner.cancel()
    assert runner.run(request(tmp_path, "good")).status == "ok"
