"""What a judge wrote before, while it judges anew: out of its way, and never lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.workflow_box import STREAM, box_with, calls_of, put_change
from support.workspace import REVIEW, Sandbox

MINE = "# Review: x\n\nI wrote this myself.\n"


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    box = box_with(tmp_path)
    put_change(box, "add-x", "implementing", {"IMPLEMENTATION.md": "# I\n", "REVIEW.md": MINE})
    return box


def review(box: Sandbox) -> Path:
    return box.change("add-x") / "REVIEW.md"


def killed_while_it_reviews(box: Sandbox) -> None:
    """kill -9 for agentd and for its CLI, once that runs."""
    (box.root.parent / "argv.txt").unlink(missing_ok=True)
    agentd = subprocess.Popen([sys.executable, "-m", "agentd", "review", "add-x"], cwd=box.root)
    deadline = time.monotonic() + 30
    while not (box.root.parent / "argv.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not review(box).exists()
    children = Path(f"/proc/{agentd.pid}/task/{agentd.pid}/children").read_text().split()
    agentd.kill()
    agentd.wait()
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    while any(Path("/proc", child, "exe").exists() for child in children):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_pipe_in_the_place_of_a_document_is_named_before_a_call_is_paid(box: Sandbox) -> None:
    review(box).unlink()
    os.mkfifo(review(box))
    done = box.run("review", "add-x")
    assert done.returncode == 1
    assert "agentd/changes/add-x/REVIEW.md: is no regular file; review writes it" in done.stderr
    assert not (box.root.parent / "argv.txt").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for the CLI")
@pytest.mark.parametrize("command", [("status",), ("cost",), ("validate", "add-x")])
def test_after_kill_9_it_comes_back_with_the_next_command(
    box: Sandbox, command: tuple[str, ...]
) -> None:
    box.answer("review", STREAM, {"change/REVIEW.md": REVIEW}, sleep_s=60)
    killed_while_it_reviews(box)
    done = box.run(*command)
    if command[0] != "validate":  # it enters nothing, so it puts back nothing
        assert review(box).read_text() == MINE, done.stderr
    box.answer("review", STREAM, {"change/REVIEW.md": REVIEW})
    box.ok("review", "add-x")
    assert review(box).read_text() == REVIEW
    kept = [path.read_text() for path in (box.change("add-x") / "runs").glob("*/REVIEW.md.*")]
    assert MINE in kept


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for the CLI")
def test_it_comes_back_after_a_failed_second_try_too(box: Sandbox) -> None:
    box.answer("review", STREAM, {"change/REVIEW.md": REVIEW}, sleep_s=60)
    killed_while_it_reviews(box)
    box.answer("review", None, {}, exit=1)
    assert box.run("review", "add-x").returncode == 4
    assert review(box).read_text() == MINE
    assert [status for _, status in calls_of(box, "add-x")] == ["interrupted", "failed"]


def test_a_run_that_writes_nothing_leaves_it(box: Sandbox) -> None:
    box.answer("review", STREAM, {})
    assert box.run("review", "add-x").returncode == 4
    assert review(box).read_text() == MINE
    assert not list((box.change("add-x") / "runs").glob("*/*.before"))


def test_a_cli_that_cannot_be_started_leaves_it(box: Sandbox) -> None:
    (box.root.parent / "gemini").unlink()
    assert box.run("review", "add-x").returncode == 4
    assert review(box).read_text() == MINE
    assert not list((box.change("add-x") / "runs").glob("*-review-*"))


def test_a_person_who_deletes_the_new_one_does_not_get_the_old_one_back(box: Sandbox) -> None:
    box.answer("review", STREAM, {"change/REVIEW.md": REVIEW})
    box.ok("review", "add-x")
    review(box).unlink()
    box.ok("status", "add-x")
    assert not review(box).exists()
