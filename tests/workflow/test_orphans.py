"""What an agent leaves running when agentd is killed: told by reports, ended by the next step."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from standins.running import lives, pid_in, until
from support.loop_box import verdict
from support.workflow_box import STREAM, box_with, calls_of, put_change, put_plan
from support.workspace import Sandbox

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc here")

DAEMON = "setsid sh -c 'echo $$ > ../daemon.new; mv ../daemon.new ../daemon; exec sleep 60' &"
CHALLENGE = verdict("APPROVED")


def _box(folder: Path) -> Sandbox:
    box = box_with(folder)
    put_change(box, "add-x", "proposed")
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": CHALLENGE})
    return box


def _killed(box: Sandbox, shell: str) -> int:
    """The daemon that a challenge left whose agentd was killed."""
    put_plan(box, "challenge", shell=f"{DAEMON} {shell}")
    argv = [sys.executable, "-m", "agentd", "challenge", "add-x"]
    with subprocess.Popen(argv, cwd=box.root, stderr=subprocess.DEVNULL) as agentd:
        daemon = pid_in(box.root.parent / "daemon")
        if "kill" not in shell:
            agentd.kill()
        assert agentd.wait() == -signal.SIGKILL
    return daemon


def test_daemon_is_ended_with_its_step(tmp_path: Path) -> None:
    box = _box(tmp_path)
    put_plan(box, "challenge", shell=f"{DAEMON} while ! test -e ../daemon; do sleep 0.1; done")
    box.ok("challenge", "add-x")
    assert not lives(pid_in(tmp_path / "daemon"))


KILLS_AGENTD = "while ! test -e ../daemon; do sleep 0.1; done; kill -9 $(ps -o ppid= -p $PPID)"


@pytest.mark.parametrize("shell", ["sleep 4", KILLS_AGENTD])
def test_status_tells_of_an_orphan_and_the_next_step_ends_what_it_leaves(
    tmp_path: Path, shell: str
) -> None:
    """Its document was there: it is not paid again."""
    box = _box(tmp_path)
    daemon = _killed(box, shell)
    assert lives(daemon)
    told = box.run("status", "add-x")
    assert told.returncode == 0
    assert "gemini still works in agentd/changes/add-x/runs/" in told.stderr
    assert str(daemon) in told.stderr
    assert daemon in json.loads(box.ok("status", "add-x", "--json"))["orphans"]
    assert lives(daemon)
    put_plan(box, "challenge", shell=None)
    box.ok("challenge", "add-x")
    assert not lives(daemon)
    assert [step for step, _ in calls_of(box, "add-x")] == ["challenge"]
    assert json.loads(box.ok("status", "add-x", "--json"))["orphans"] == []


def test_what_a_recorded_run_left_is_ended_by_the_next_step(tmp_path: Path) -> None:
    """Where nothing could end it with its run, as without /proc, or when agentd was killed."""
    box = _box(tmp_path)
    box.ok("challenge", "add-x")
    (run_dir,) = (box.change("add-x") / "runs").glob("*-challenge-*")
    mark = {"AGENTD_RUN": str(run_dir.resolve())}
    with (
        subprocess.Popen(["sleep", "60"], env=mark, start_new_session=True) as left,
        subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger,
    ):
        box.answer("implementation", STREAM, {"change/IMPLEMENTATION.md": "# I\n"})
        told = box.run("implement", "add-x")
        assert told.returncode == 0, told.stderr
        assert f"earlier run had left at work: process {left.pid}" in told.stderr
        until(lambda: not lives(left.pid))
        assert lives(stranger.pid)
        stranger.kill()


def test_an_agent_that_starts_agentd_does_not_make_it_end_itself(tmp_path: Path) -> None:
    box = _box(tmp_path)
    daemon = _killed(box, "sleep 4")
    (run_dir,) = (box.change("add-x") / "runs").glob("*-challenge-*")
    inside = box.run("challenge", "add-x", AGENTD_RUN=str(run_dir.resolve()))
    assert inside.returncode == 1, inside.stderr
    assert "runs inside the run" in inside.stderr
    assert lives(daemon)
    put_plan(box, "challenge", shell=None)
    box.ok("challenge", "add-x")
    assert not lives(daemon)
