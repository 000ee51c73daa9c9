"""A workflow that a person stops, edits by hand, or runs where nobody answers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.loop_box import WHOLE, archived_state, sandbox, steps_of, verdict
from support.workflow_box import STREAM, archiving, box_with, calls_of, put_change, state_of
from support.workspace import REVIEW, Sandbox

CHALLENGE = verdict("APPROVED")


def test_ctrl_c_in_the_middle_of_run_and_run_again(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    box.plan["implementation"][0]["sleep_s"] = 30
    box.write_plan()
    process = subprocess.Popen(
        [sys.executable, "-m", "agentd", "run", "add-x", "Let users log in"],
        cwd=box.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    runs = box.change("add-x") / "runs"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not list(runs.glob("*-implementation-*/pid*")):
        if list(runs.glob("*-implementation-*")):
            break
        time.sleep(0.02)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr
    assert stderr.endswith("\nTo go on: agentd run add-x\n")
    assert "Traceback" not in stderr
    assert calls_of(box, "add-x")[-1] == ("implementation", "cancelled")
    assert state_of(box, "add-x")["phase"] == "challenged"
    del box.plan["implementation"][0]["sleep_s"]
    box.write_plan()
    box.ok("run", "add-x")
    state = archived_state(box, "add-x")
    assert steps_of(state) == [*WHOLE[:4], "implementation", *WHOLE[4:]]


@pytest.mark.parametrize(
    ("original", "command"),
    [
        ("clarifying", "challenge"),
        ("drafting", "challenge"),
        ("specs_generated", "challenge"),
        ("tasks_generated", "challenge"),
        ("planned", "implement"),
        ("testing", "review"),
        ("code_reviewing", "review"),
        ("implemented", "archive"),
        ("merging", "archive"),
    ],
)
def test_phase_names_of_the_original_go_on(tmp_path: Path, original: str, command: str) -> None:
    box = box_with(tmp_path)
    put_change(box, "add-x", original, {"IMPLEMENTATION.md": "# Implementation\n"})
    assert "Next: agentd run add-x\n" in box.ok("status", "add-x")
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": CHALLENGE})
    box.answer("implementation", STREAM, {"change/IMPLEMENTATION.md": "# Implementation 2\n"})
    box.answer("review", STREAM, {"change/REVIEW.md": REVIEW})
    archiving(box, "APPROVED")
    steps = ["challenge", "implementation", "review", "archive", "archive-review"]
    first = steps.index({"implement": "implementation"}.get(command, command))
    box.ok("run", "add-x")
    assert [step for step, _ in calls_of(box, "add-x")] == steps[first:]
    assert state_of(box, "add-x")["phase"] == "archived"


def set_phase(box: Sandbox, phase: str) -> None:
    path = box.change("add-x") / "STATE.yaml"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(
        "".join(f"phase: {phase}\n" if line.startswith("phase:") else line for line in lines)
    )


@pytest.mark.parametrize(
    ("judged", "edited", "command", "more", "phase"),
    [
        ("APPROVED", "proposed", "plan", ["challenge"], "challenged"),  # asked for another look
        ("NEEDS_REVISION", "challenged", "plan", [], "challenged"),  # overruled
        ("REJECTED", "challenged", "plan", [], "challenged"),
        ("REJECTED", "proposed", "plan", ["challenge"], "challenged"),
    ],
)
def test_phase_edited_by_hand_after_a_challenge_is_what_counts(
    tmp_path: Path, judged: str, edited: str, command: str, more: list[str], phase: str
) -> None:
    box = box_with(tmp_path)
    put_change(box, "add-x", "proposed")
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": verdict(judged)})
    box.ok("challenge", "add-x")
    set_phase(box, edited)
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": CHALLENGE})
    box.ok(command, "add-x")
    assert [step for step, _ in calls_of(box, "add-x")] == ["challenge", *more]
    assert state_of(box, "add-x")["phase"] == phase


def test_implementing_again_by_hand_is_reviewed_again(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    put_change(box, "add-x", "implementing", {"IMPLEMENTATION.md": "# Implementation\n"})
    box.answer("review", STREAM, {"change/REVIEW.md": REVIEW})
    box.ok("impl", "add-x")
    set_phase(box, "implementing")
    box.ok("impl", "add-x")
    assert [step for step, _ in calls_of(box, "add-x")] == ["review", "review"]
    assert state_of(box, "add-x")["phase"] == "complete"


def test_ticked_box_counts(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    change = put_change(box, "add-x", "proposed")
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": verdict("REJECTED", "no")})
    assert box.run("plan", "add-x").returncode == 5
    (change / "CHALLENGE.md").write_text(verdict("APPROVED", "no"))
    box.ok("plan", "add-x")
    assert len(calls_of(box, "add-x")) == 1
    assert state_of(box, "add-x")["phase"] == "challenged"


def test_unknown_phase_is_no_crash(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    put_change(box, "add-x", "proposed")
    set_phase(box, "somewhere")
    for command in ("status", "plan", "impl", "archive", "run"):
        done = box.run(command, "add-x")
        assert done.returncode in (0, 1, 4), (command, done.stderr)
        assert "this is a bug" not in done.stderr


GATES = ["plan", "impl", "archive"]


@pytest.mark.parametrize("gate", GATES)
def test_gate_without_a_terminal_pauses_and_reads_no_stdin(tmp_path: Path, gate: str) -> None:
    """stdin is a pipe that never says anything: who reads it waits for ever."""
    box = sandbox(tmp_path, workflow=f'gates = ["{gate}"]')
    reading, writing = os.pipe()
    done = subprocess.run(
        [sys.executable, "-m", "agentd", "run", "add-x", "Let users log in"],
        cwd=box.root,
        stdin=reading,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(reading)
    os.close(writing)
    assert done.returncode == 6, done.stdout + done.stderr
    assert f"agentd run add-x --approve {gate}" in done.stderr
    assert not (box.root / "agentd/specs/login.md").exists()
    box.ok("run", "add-x", "--approve", gate)
    assert steps_of(archived_state(box, "add-x")) == WHOLE


def test_checks_and_clis_do_not_get_agentds_stdin(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    config = box.root / "agentd/config.toml"
    config.write_text(config.read_text().replace('test = ""', "test = \"cat; echo 'read it'\""))
    put_change(box, "add-x", "implementing", {"IMPLEMENTATION.md": "# Implementation\n"})
    box.answer("review", STREAM, {"change/REVIEW.md": REVIEW})
    done = subprocess.run(
        [sys.executable, "-m", "agentd", "review", "add-x"],
        cwd=box.root,
        input="typed by a person\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (prompt,) = box.change("add-x").glob("runs/*-review-*/prompt")
    assert "read it" in prompt.read_text()
    assert "typed by a person" not in prompt.read_text()
