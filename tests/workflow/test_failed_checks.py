"""A required check that fails: whatever the reviewer says, nothing is approved, by any command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.workflow_box import (
    STREAM,
    archiving,
    box_with,
    calls_of,
    put_change,
    specs_of,
    state_of,
)
from support.workspace import PROPOSAL, REVIEW, Sandbox

SECTION = """
## Failed checks (added by agentd)

### Issue T1: test: FAILED (exit 1), in 0 s
- Severity: High
- Where: the project's own checks
"""


def box_of(folder: Path, checks: str, workflow: str = "") -> Sandbox:
    box = box_with(folder, workflow=workflow)
    config = box.root / "agentd/config.toml"
    old = '[checks]\ntest = ""\nlint = ""\naudit = ""\n'
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, f"[checks]\n{checks}\n"))
    box.answer("review", STREAM, {"change/REVIEW.md": REVIEW})
    return box


def reviewed(box: Sandbox) -> subprocess.CompletedProcess[str]:
    put_change(box, "add-x", "implementing", {"IMPLEMENTATION.md": "# I\n"})
    return box.run("review", "add-x")


def test_a_red_test_makes_an_approving_review_ask_for_changes(tmp_path: Path) -> None:
    box = box_of(tmp_path, 'test = "echo 2 failed; exit 1"\nlint = ""\naudit = ""')
    done = reviewed(box)
    assert done.returncode == 0
    assert "\ntest: FAILED (exit 1), in 0 s\n" in done.stderr
    assert "verdict: NEEDS_CHANGES" in done.stdout
    assert "next: agentd resolve add-x" in done.stdout
    assert (box.change("add-x") / "REVIEW.md").read_text() == REVIEW.rstrip() + "\n" + SECTION
    assert state_of(box, "add-x")["phase"] == "implementing"
    assert "review          NEEDS_CHANGES" in box.ok("status", "add-x")
    archive = box.run("archive", "add-x")
    assert archive.returncode == 1
    assert "is in phase implementing" in archive.stderr


def test_the_whole_run_ends_unapproved_and_the_main_specs_stay(tmp_path: Path) -> None:
    box = box_of(
        tmp_path,
        'test = "exit 1"\nlint = ""\naudit = ""',
        workflow="implementation_iterations = 1",
    )
    box.answer("proposal", STREAM, PROPOSAL)
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"})
    rounds = [(STREAM, {"change/IMPLEMENTATION.md": f"# I{number}\n"}) for number in range(9)]
    box.answers("implementation", *rounds)
    box.answers("resolve", *rounds[3:])
    archiving(box, "APPROVED")
    before = specs_of(box)
    done = box.run("run", "add-x", "Log in")
    assert done.returncode == 5, done.stderr
    assert specs_of(box) == before
    assert [step for step, _ in calls_of(box, "add-x")][-1] == "review"
    # What the tests say counts anew at the next review.
    config = box.root / "agentd/config.toml"
    config.write_text(config.read_text().replace("exit 1", "exit 0"))
    box.ok("review", "add-x")
    box.ok("run", "add-x")
    assert specs_of(box) != before


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ('test = "no-such-command-here"\nlint = ""\naudit = ""', "NEEDS_CHANGES"),
        ('test = "exit 0"\nlint = "exit 1"\naudit = ""', "APPROVED"),
        ('test = "exit 0"\nlint = "exit 1"\naudit = ""\nrequired = ["lint"]', "NEEDS_CHANGES"),
        ('test = "exit 1"\nlint = ""\naudit = ""\nrequired = []', "APPROVED"),
        ('test = "sleep 9"\nlint = ""\naudit = ""\ntimeout_secs = 1', "NEEDS_CHANGES"),
        ('test = ""\nlint = ""\naudit = ""', "APPROVED"),
    ],
)
def test_which_check_counts(tmp_path: Path, checks: str, verdict: str) -> None:
    assert f"verdict: {verdict}" in reviewed(box_of(tmp_path, checks)).stdout


def test_a_guessed_command_that_is_missing_is_told_and_no_failure(tmp_path: Path) -> None:
    box = box_of(tmp_path, 'lint = ""\naudit = ""')
    (box.root / "Cargo.toml").write_text("[package]\n")
    put_change(box, "add-x", "implementing", {"IMPLEMENTATION.md": "# I\n"})
    done = box.run("review", "add-x", PATH="/usr/bin:/bin")
    assert "test: not found: cargo test" in done.stderr
    assert "verdict: APPROVED" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for the CLI")
def test_a_review_that_agentd_did_not_live_to_see_is_no_approval_either(tmp_path: Path) -> None:
    box = box_of(tmp_path, 'test = "exit 1"\nlint = ""\naudit = ""')
    put_change(box, "add-x", "implementing", {"IMPLEMENTATION.md": "# I\n"})
    box.answer("review", STREAM, {"change/REVIEW.md": REVIEW}, shell="touch ../w; sleep 1")
    agentd = subprocess.Popen([sys.executable, "-m", "agentd", "review", "add-x"], cwd=box.root)
    deadline = time.monotonic() + 30
    while not (tmp_path / "w").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(agentd.pid, signal.SIGKILL)
    agentd.wait()
    time.sleep(2)  # the CLI comes to its good end
    view = json.loads(box.ok("status", "--json", "add-x"))
    assert calls_of(box, "add-x") == [("review", "ok")]
    assert view["phase"] == "implementing"
    assert SECTION in (box.change("add-x") / "REVIEW.md").read_text()


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    done = reviewed(box_of(tmp_path, 'required = ["tests"]'))
    assert done.returncode == 1
    assert "checks.required" in done.stderr
    assert "test, lint, audit" in done.stderr
