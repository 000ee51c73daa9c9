"""A run that was stopped is looked at like any other: what it may not have done is told."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.workflow_box import STREAM, box_with, calls_of, gemini_says, put_change, put_plan
from support.workspace import REVIEW, Sandbox

HACKS = "echo 1 > hack.py; echo x >> agentd/changes/add-x/tasks.md; touch ../done; sleep 60"


def stopped_review(box: Sandbox) -> subprocess.CompletedProcess[str]:
    """Ctrl-C at a reviewer that has written what it may not."""
    box.answer("review", STREAM, {"change/REVIEW.md": REVIEW}, shell=HACKS)
    command = [sys.executable, "-m", "agentd", "review", "add-x", *JSON]
    agentd = subprocess.Popen(
        command, cwd=box.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 30
    while not (box.root.parent / "done").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    agentd.send_signal(signal.SIGINT)
    out, err = agentd.communicate(timeout=60)
    return subprocess.CompletedProcess(command, agentd.returncode, out, err)


JSON: list[str] = []


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = box_with(tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=box.root, check=True)
    put_change(box, "add-x", "implementing", {"IMPLEMENTATION.md": "# I\n"})
    return box


def test_what_a_cancelled_run_changed_against_the_rules_is_told(box: Sandbox) -> None:
    tasks = (box.change("add-x") / "tasks.md").read_text()
    done = stopped_review(box)
    assert done.returncode == 130
    assert (
        "step review was stopped; what it used is recorded. gemini changed what step review "
        in (done.stderr)
    )
    assert "may not touch: agentd/changes/add-x/tasks.md, hack.py" in done.stderr
    (aside,) = (box.change("add-x") / "runs").glob("*/forbidden")
    assert f"What it wrote there: {aside.relative_to(box.root)}/." in done.stderr
    assert (box.change("add-x") / "tasks.md").read_text() == tasks
    assert calls_of(box, "add-x") == [("review", "cancelled")]


def test_a_cancelled_run_that_kept_to_the_rules_is_blamed_for_nothing(box: Sandbox) -> None:
    box.answer("review", STREAM, {})
    put_plan(box, "review", shell="touch ../done; sleep 60")
    command = [sys.executable, "-m", "agentd", "review", "add-x"]
    agentd = subprocess.Popen(command, cwd=box.root, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 30
    while not (box.root.parent / "done").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    agentd.send_signal(signal.SIGINT)
    _, err = agentd.communicate(timeout=60)
    assert agentd.returncode == 130
    assert "step review was stopped; what it used is recorded\n" in err
    assert "may not touch" not in err


def test_a_folder_that_was_only_printed_is_the_next_judges(
    tmp_path: Path,
) -> None:
    from support.workflow_box import archiving

    box = box_with(tmp_path)
    put_change(box, "add-x", "complete")
    archiving(box, "NEEDS_FIX", "NEEDS_FIX")
    text = "# Merged specs\n\n## Changes\n\nAll merged.\n"
    box.answer("archive-fix", None, {})
    put_plan(box, "archive-fix", stdout=gemini_says(box, text))
    done = box.run("archive", "add-x")
    assert done.returncode == 5, done.stderr
    assert "archive-fix: left merged as it was" in done.stderr
    assert calls_of(box, "add-x")[-2:] == [("archive-fix", "ok"), ("archive-review", "ok")]
