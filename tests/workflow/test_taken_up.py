"""An agentd that is killed while its CLI works: the next step follows that to its end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from standins.running import lives, until
from support.budget_box import OPUS, configure, in_turns
from support.loop_box import STREAMS, verdict
from support.recordings import recording
from support.webhook import webhook
from support.workflow_box import (
    MAIN,
    STREAM,
    box_with,
    calls_of,
    gemini_says,
    put_change,
    put_plan,
    state_of,
)
from support.workspace import Sandbox

from agentd.runner.process import has_proc
from agentd.runner.run_folder import RunFolder

pytestmark = pytest.mark.skipif(not has_proc(), reason="no /proc here")

APPROVED = {"change/CHALLENGE.md": verdict("APPROVED")}
CODEX = STREAMS["codex"]
WAITS = "touch ../waits; while ! test -e ../go; do sleep 0.02; done"


@dataclass
class Orphan:
    """A change whose challenge lost its agentd; ``box.root/../go`` lets its CLI go on."""

    box: Sandbox
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def folder(self) -> RunFolder:
        (path,) = (self.box.change("add-x") / "runs").glob("*-challenge-*")
        return RunFolder(path)

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """A command in the background."""
        process = subprocess.Popen(
            [sys.executable, "-m", "agentd", *arguments],
            cwd=self.box.root,
            env={**os.environ, "HOME": str(self.box.root.parent)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def kill(self, file: str, *arguments: str) -> None:
        """Kill an agentd once its CLI has made this file."""
        agentd = self.begin(*(arguments or ("challenge", "add-x")))
        until((self.box.root.parent / file).exists)
        until(lambda: self.folder.info().cli_pid)
        agentd.kill()
        agentd.communicate()
        assert lives(self.folder.info().cli_pid or 0)

    def is_followed(self, *arguments: str) -> tuple[int, str]:
        """A command that follows the CLI, which may go on then: its exit code and stderr."""
        agentd = self.takes_up(*arguments)
        self.go()
        return _ended(agentd)

    def takes_up(self, *arguments: str) -> subprocess.Popen[str]:
        """A command, once it follows the CLI."""
        agentd = self.begin(*arguments)
        until(lambda: agentd.poll() is not None or self.folder.info().agentd_pid == agentd.pid)
        return agentd

    def go(self) -> None:
        (self.box.root.parent / "go").touch()

    def began(self) -> list[str]:
        """The steps whose CLI was started, each time it was."""
        lines = (self.box.root.parent / "began.log").read_text().splitlines()
        return [line.split()[1] for line in lines]


@pytest.fixture
def orphan(tmp_path: Path) -> Iterator[Orphan]:
    box = box_with(tmp_path)
    (box.root / "agentd/specs/login.md").write_text(MAIN)
    put_change(box, "add-x", "proposed")
    box.answer("challenge", STREAM, APPROVED, shell=WAITS)
    orphan = Orphan(box)
    yield orphan
    orphan.go()
    for process in orphan.started:
        process.kill()
        process.communicate()
    with contextlib.suppress(ValueError):
        until(lambda: not lives(orphan.folder.info().cli_pid or 0))


def _ended(agentd: subprocess.Popen[str]) -> tuple[int, str]:
    stderr = agentd.communicate(timeout=50)[1]
    return agentd.returncode, stderr


def test_the_same_step_follows_it_and_pays_nothing_again(orphan: Orphan) -> None:
    orphan.kill("waits")
    code, stderr = orphan.is_followed("challenge", "add-x")
    assert code == 0, stderr
    assert "challenge: taken up: gemini still works (process " in stderr
    assert "entered an earlier call" not in stderr
    assert calls_of(orphan.box, "add-x") == [("challenge", "ok")]
    assert orphan.began() == ["challenge"]
    assert state_of(orphan.box, "add-x")["phase"] == "challenged"


def test_a_document_that_is_not_there_yet_is_waited_for(orphan: Orphan) -> None:
    put_plan(orphan.box, "challenge", shell=None, sleep_s=2)
    orphan.kill("began.log")
    code, stderr = _ended(orphan.takes_up("challenge", "add-x"))
    assert code == 0, stderr
    assert calls_of(orphan.box, "add-x") == [("challenge", "ok")]
    assert orphan.began() == ["challenge"]


def test_another_step_follows_it_first(orphan: Orphan) -> None:
    orphan.kill("waits")
    files = {"change/IMPLEMENTATION.md": "# Implementation\n"}
    orphan.box.answer("implementation", STREAM, files)
    code, stderr = orphan.is_followed("implement", "add-x")
    assert code == 0, stderr
    assert "it is followed to its end first" in stderr
    assert calls_of(orphan.box, "add-x") == [("challenge", "ok"), ("implementation", "ok")]
    assert orphan.began() == ["challenge", "implementation"]


def test_a_loop_goes_on_with_what_was_taken_up(orphan: Orphan) -> None:
    orphan.kill("waits", "plan", "add-x")
    code, stderr = orphan.is_followed("plan", "add-x")
    assert code == 0, stderr
    assert orphan.began() == ["challenge"]


def test_a_collector_gets_the_call_that_was_taken_up(
    orphan: Orphan, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan.kill("waits")
    with webhook(read=bytes) as hook:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", hook.url)
        assert orphan.is_followed("challenge", "add-x")[0] == 0
        assert hook.wait_for(2)
    assert b"add-x" in b"".join(hook.sent)


def test_who_follows_is_killed_and_the_next_one_goes_on(orphan: Orphan) -> None:
    orphan.kill("waits")
    for _ in range(2):
        agentd = orphan.takes_up("challenge", "add-x")
        agentd.kill()
        agentd.communicate()
    assert orphan.is_followed("challenge", "add-x")[0] == 0
    assert calls_of(orphan.box, "add-x") == [("challenge", "ok")]
    assert orphan.began() == ["challenge"]


def test_ctrl_c_stops_it_and_the_next_command_runs_the_step_again(orphan: Orphan) -> None:
    orphan.kill("waits")
    agentd = orphan.takes_up("challenge", "add-x")
    agentd.send_signal(signal.SIGINT)
    code, stderr = _ended(agentd)
    assert code == 130, stderr
    assert "step challenge was stopped; what it used is recorded" in stderr
    assert calls_of(orphan.box, "add-x") == [("challenge", "cancelled")]
    assert not lives(orphan.folder.info().cli_pid or 0)
    put_plan(orphan.box, "challenge", shell=None)
    orphan.box.ok("challenge", "add-x")
    assert [status for _, status in calls_of(orphan.box, "add-x")] == ["cancelled", "ok"]


def test_its_time_limit_counts_from_its_begin(orphan: Orphan) -> None:
    orphan.kill("waits")
    config = orphan.box.root / "agentd/config.toml"
    limit = "step_timeout_secs"
    config.write_text(config.read_text().replace(f"{limit} = 30", f"{limit} = 3"))
    time.sleep(3)
    began = time.monotonic()
    done = orphan.box.run("challenge", "add-x")
    assert time.monotonic() - began < 15
    assert done.returncode == 4, done.stderr
    assert "gemini failed in step challenge (timeout)" in done.stderr
    assert "Raise the time limit (workflow.step_timeout_secs" in done.stderr
    assert calls_of(orphan.box, "add-x") == [("challenge", "timeout")]
    assert orphan.began() == ["challenge"]


def times_out_with_a_fallback(orphan: Orphan, command: str) -> subprocess.CompletedProcess[str]:
    box = orphan.box
    config = box.root / "agentd/config.toml"
    text = config.read_text().replace("[checks]", 'fallback = ["codex"]\n[checks]', 1)
    config.write_text(f'{text}[codex]\ncommand = "{box.root.parent / "codex"}"\n')
    orphan.kill("waits", "challenge", "add-x", "--provider", "gemini")
    put_plan(box, "challenge", shell=None, stdout=str(recording(CODEX).folder / "stdout"))
    box.ok("config", "set", "workflow.step_timeout_secs", "1")
    return box.run(command, "add-x")


@pytest.mark.parametrize("command", ["challenge", "plan"])
def test_after_its_time_limit_the_fallback_goes_on(orphan: Orphan, command: str) -> None:
    done = times_out_with_a_fallback(orphan, command)
    assert done.returncode == 0, done.stderr
    assert "challenge: timeout; going on with codex" in done.stderr
    calls = state_of(orphan.box, "add-x")["telemetry"]["calls"]
    told = [(call["provider"], call["status"]) for call in calls]
    assert told == [("gemini", "timeout"), ("codex", "ok")]
    assert state_of(orphan.box, "add-x")["phase"] == "challenged"


def test_after_its_time_limit_another_step_is_not_begun(orphan: Orphan) -> None:
    done = times_out_with_a_fallback(orphan, "reproposal")
    assert done.returncode == 4, done.stderr
    assert "gemini failed in step challenge (timeout)" in done.stderr
    assert orphan.began() == ["challenge"]


def test_a_limit_that_its_output_crosses_stops_it(tmp_path: Path) -> None:
    box = box_with(tmp_path, providers=("claude",))
    put_change(box, "add-x", "proposed")
    in_turns(box, "claude", "claude/2.1.330/tool_stream_json_partial", ["message_stop"])
    orphan, model = Orphan(box), ("--model", "claude-opus-5-5")
    agentd = orphan.begin("challenge", "add-x", *model)
    until(lambda: list((box.change("add-x") / "runs").glob("*-challenge-*/stdout")))
    until(lambda: b"message_stop" in orphan.folder.stdout.read_bytes())
    agentd.kill()
    agentd.communicate()
    configure(box, f"{OPUS}[budget]\nlimit_usd = 1.12\n")
    done = box.run("challenge", "add-x", *model)
    assert done.returncode == 3, done.stderr
    assert "$1.120000 is left, $1.128000 needed (budget.limit_usd)" in done.stderr
    assert not (tmp_path / "went-on").exists()
    (call,) = state_of(box, "add-x")["telemetry"]["calls"]
    assert (call["status"], call["cost_usd"]) == ("budget_stopped", 1.128)


def test_the_run_of_a_newer_agentd_is_left_at_work(
    orphan: Orphan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only one that knows its provider can follow it."""
    orphan.kill("waits")
    monkeypatch.setenv("HOME", str(orphan.box.root.parent))
    run = orphan.folder
    run.write_info(replace(run.info(), provider="newer"))
    put_plan(orphan.box, "challenge", shell=None)
    done = orphan.box.run("challenge", "add-x")
    assert "is a run of newer, which agentd" in done.stderr
    pid = run.info().cli_pid or 0
    assert lives(pid)
    orphan.go()
    until(lambda: not lives(pid))


def test_reports_tell_of_it_and_never_wait(orphan: Orphan) -> None:
    orphan.kill("waits")
    commands = (["status", "add-x"], ["list"], ["cost", "add-x"], ["cost", "--all"])
    for command in commands:
        told = orphan.box.run(*command)
        assert told.returncode == 0
        assert "the change's next step follows it to its end" in told.stderr or command == ["list"]
    assert json.loads(orphan.box.ok("status", "add-x", "--json"))["orphans"]
    agentd = orphan.takes_up("challenge", "add-x")
    for command in commands:
        orphan.box.ok(*command)
    told_now = json.loads(orphan.box.ok("status", "add-x", "--json"))
    assert (told_now["orphans"], told_now["at_work"]) == ([], agentd.pid)
    orphan.go()
    assert _ended(agentd)[0] == 0
    assert calls_of(orphan.box, "add-x") == [("challenge", "ok")]


def test_what_it_may_not_touch_is_judged_once_it_has_ended(orphan: Orphan) -> None:
    put_plan(orphan.box, "challenge", shell=f"{WAITS}; echo evil > agentd/specs/login.md")
    orphan.kill("waits")
    code, stderr = orphan.is_followed("challenge", "add-x")
    assert code == 4, stderr
    assert "changed what it may not touch: agentd/specs/login.md" in stderr
    assert "Error: gemini changed what step challenge may not touch: agentd/specs" in stderr
    assert (orphan.box.root / "agentd/specs/login.md").read_text() == MAIN
    assert calls_of(orphan.box, "add-x") == [("challenge", "ok")]
    assert orphan.began() == ["challenge"]


def test_without_its_document_the_command_ends_and_pays_nothing_again(orphan: Orphan) -> None:
    put_plan(orphan.box, "challenge", files={})
    orphan.kill("waits")
    code, stderr = orphan.is_followed("challenge", "add-x")
    assert code == 4, stderr
    assert "gemini ended step challenge without writing all that it owes" in stderr
    assert orphan.began() == ["challenge"]


@pytest.mark.parametrize("follows", [True, False])
def test_a_document_that_was_only_printed_counts(orphan: Orphan, follows: bool) -> None:
    said = gemini_says(orphan.box, verdict("APPROVED"))
    put_plan(orphan.box, "challenge", files={}, stdout=said)
    orphan.kill("waits")
    if follows:
        assert orphan.is_followed("challenge", "add-x")[0] == 0
    else:
        orphan.go()
        until(lambda: not lives(orphan.folder.info().cli_pid or 0))
        orphan.box.ok("challenge", "add-x")
    assert state_of(orphan.box, "add-x")["phase"] == "challenged"
    assert orphan.began() == ["challenge"]
