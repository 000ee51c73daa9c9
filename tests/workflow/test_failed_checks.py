"""A required check that fails: no review is paid for, and nothing is approved or archived."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.check_box import GREP, OFF, box_of, set_checks, steps_of, whole
from support.workflow_box import calls_of, put_change, state_of
from support.workspace import REVIEW, Sandbox

from agentd.project.layout import find_project
from agentd.runner.process import start_token

UNPAID = """# Review: add-x

## Summary
The project's own checks fail; no model was asked.

## Failed checks (added by agentd)

### Issue T1: test: FAILED (exit 1), in 0 s
- Severity: High
- Where: the project's own checks

```text
$ echo 2 broken; exit 1
2 broken
```

## Verdict
- [ ] APPROVED
- [x] NEEDS_CHANGES
- [ ] MAJOR_ISSUES
"""


def reviewed(box: Sandbox, *options: str) -> subprocess.CompletedProcess[str]:
    put_change(box, "add-x", "implementing", {"IMPLEMENTATION.md": "# I\n"})
    return box.run("review", "add-x", *options)


def test_a_red_test_asks_for_changes_and_no_review_is_paid_for(tmp_path: Path) -> None:
    box = box_of(tmp_path, f'test = "echo 2 broken; exit 1"\n{OFF}')
    done = reviewed(box)
    assert done.returncode == 0
    assert "\ntest: FAILED (exit 1), in 0 s\n" in done.stderr
    assert (done.stderr + done.stdout).count("not paid for") == 1
    assert "review: not paid for, as a required check fails\n" in done.stdout
    assert "verdict: NEEDS_CHANGES" in done.stdout
    assert "next: agentd run add-x" in done.stdout
    assert (box.change("add-x") / "REVIEW.md").read_text() == UNPAID
    state = state_of(box, "add-x")
    assert (state["phase"], state["last_action"], state["checks"]) == (
        "implementing",
        "review",
        "failed",
    )
    assert state["telemetry"]["calls"] == []
    assert "review          NEEDS_CHANGES" in box.ok("status", "add-x")
    archive = box.run("archive", "add-x")
    assert archive.returncode == 1
    assert "is in phase implementing" in archive.stderr


def test_no_box_that_a_person_ticks_approves_over_it(tmp_path: Path) -> None:
    box = box_of(tmp_path, f'test = "exit 1"\n{OFF}')
    reviewed(box)
    review = box.change("add-x") / "REVIEW.md"
    review.write_text(
        review.read_text().replace("[ ] APP", "[x] APP").replace("[x] NEEDS", "[ ] NEEDS")
    )
    assert "review          NEEDS_CHANGES" in box.ok("status", "add-x")


def test_a_run_whose_tests_fail_goes_to_resolve_without_a_review(tmp_path: Path) -> None:
    box = box_of(tmp_path, GREP)
    whole(box, "bad", "good")
    done = box.run("run", "add-x", "Log in")
    assert done.returncode == 0, done.stderr
    assert steps_of(box) == [
        *("proposal", "challenge", "implementation", "resolve", "review"),
        *("archive", "archive-review"),
    ]
    assert "test: FAILED (exit 1), 3 failed, in 0 s\n" in done.stderr
    prompt = next(box.root.glob("agentd/archive/*/runs/*-resolve-*/prompt")).read_text()
    assert "### test: FAILED (exit 1), 3 failed, in 0 s" in prompt
    assert "1:bad\n3 failed" in prompt
    assert state_of(box, "add-x")["checks"] == "passed"


def test_what_the_checks_came_to_is_kept_with_the_round(tmp_path: Path) -> None:
    key = f"ghp_{'a1B2' * 9}"
    box = box_of(tmp_path, GREP.replace("{ echo", f"{{ yes é | head -c 90000; echo {key}; echo"))
    whole(box, "bad", "good")
    put_change(box, "add-x", "challenged")
    box.ok("impl", "add-x")
    folders = {
        path.parent.name.split("-", 1)[1].rpartition("-")[0]: path
        for path in box.change("add-x").glob("runs/*/checks.json")
    }
    assert set(folders) == {"implementation", "resolve"}
    red, green = (json.loads(folders[name].read_bytes()) for name in ("implementation", "resolve"))
    assert red["red"] == [red["checks"][0]["told"]] == ["test: FAILED (exit 1), 3 failed, in 0 s"]
    assert red["checks"][0]["output"].endswith("***\n3 failed, 1 passed in 0.10s\n")
    assert (green["red"], green["checks"][0]["exit_code"]) == ([], 0)
    assert stat.S_IMODE(folders["implementation"].stat().st_mode) == 0o600
    assert folders["implementation"].stat().st_size < 64 * 1024
    log = json.loads(box.ok("log", "add-x", "--json"))["calls"]
    assert {call["step"]: call["checks"] for call in log if call["checks"]} == {
        "implementation": ["test: FAILED (exit 1), 3 failed, in 0 s"],
        "resolve": ["test: passed, in 0 s"],
    }
    assert "test: FAILED (exit 1), 3 failed, in 0 s" in box.ok("log", "add-x")
    assert "Checks: passed (test: passed, in 0 s)" in box.ok("status", "add-x")


def test_rounds_of_red_tests_come_to_an_end(tmp_path: Path) -> None:
    box = box_of(tmp_path, GREP, workflow="implementation_iterations = 2")
    whole(box, "bad", "bad 1", "bad 2", "bad 3")
    put_change(box, "add-x", "challenged")
    done = box.run("run", "add-x")
    assert done.returncode == 5, done.stderr
    assert steps_of(box) == ["implementation", "resolve", "resolve"]
    # What the tests say counts anew at the next review.
    (box.root / "login.py").write_text("good\n")
    assert "verdict: APPROVED" in box.ok("review", "add-x")


@pytest.mark.parametrize("command", ["archive", "run"])
def test_what_turns_red_after_its_approval_is_not_archived(tmp_path: Path, command: str) -> None:
    box = box_of(tmp_path, GREP)
    put_change(box, "add-x", "complete", {"IMPLEMENTATION.md": "# I\n", "REVIEW.md": REVIEW})
    (box.root / "login.py").write_text("bad\n")
    done = box.run(command, "add-x")
    assert done.returncode == 5
    assert "is not archived: test: FAILED (exit 1), 3 failed, in 0 s" in done.stderr
    state = state_of(box, "add-x")
    assert (state["phase"], state["checks"]) == ("implementing", "failed")
    assert state["telemetry"]["calls"] == []
    assert "Next: agentd run add-x" in box.ok("status", "add-x")


@pytest.mark.parametrize(
    ("checks", "before_archive"),
    [
        (
            f'required = []\ntest = "test ! -e login.py"\n{OFF}',
            "sed -i '/required/d' agentd/config.toml",
        ),
        (GREP, "echo bad > login.py; rm agentd/changes/add-x/IMPLEMENTATION.md"),
        (GREP.replace("login.py ||", "login.py && echo bad > login.py ||"), "true"),
        (
            f'test = "! grep -qs bad agentd/tool.py"\n{OFF}',
            "echo bad > agentd/tool.py",
        ),
    ],
    ids=["required later", "without IMPLEMENTATION.md", "changed while it ran", "beside agentd's"],
)
def test_no_red_check_gets_into_the_archive_by_a_way_around(
    tmp_path: Path, checks: str, before_archive: str
) -> None:
    box = box_of(tmp_path, checks)
    whole(box, "good")
    put_change(box, "add-x", "challenged")
    box.ok("impl", "add-x")
    assert state_of(box, "add-x")["phase"] == "complete"
    subprocess.run(["sh", "-c", before_archive], cwd=box.root, check=True)
    done = box.run("archive", "add-x")
    assert done.returncode == 5, done.stderr
    assert "is not archived: test: FAILED (exit 1)" in done.stderr
    assert steps_of(box) == ["implementation", "review"]


def test_checks_do_not_run_again_before_the_archive_where_nothing_changed(tmp_path: Path) -> None:
    box = box_of(tmp_path, f'test = "echo x >> ../ran"\n{OFF}')
    whole(box, "good")
    box.ok("run", "add-x", "Log in")
    assert (tmp_path / "ran").read_text() == "x\nx\n"  # before the code, and before the review


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ('test = "exit 0"\nlint = "exit 1"\naudit = ""', "APPROVED"),
        ('test = "exit 0"\nlint = "exit 1"\naudit = ""\nrequired = ["lint"]', "NEEDS_CHANGES"),
        (f'test = ""\n{OFF}\nown.types = "exit 1"\nrequired = ["types"]', "NEEDS_CHANGES"),
        (f'test = "exit 1"\n{OFF}\nrequired = []', "APPROVED"),
        (f'test = "sleep 9"\n{OFF}\ntimeout_secs = 1', "NEEDS_CHANGES"),
        (f'test = ""\n{OFF}', "APPROVED"),
    ],
)
def test_which_check_counts(tmp_path: Path, checks: str, verdict: str) -> None:
    assert f"verdict: {verdict}" in reviewed(box_of(tmp_path, checks)).stdout


def test_each_round_that_writes_no_document_is_told(tmp_path: Path) -> None:
    box = box_of(tmp_path, GREP)
    whole(box, "bad", "bad", "good")
    for step in ("implementation", "resolve"):
        for answer in box.plan[step]:
            del answer["files"]["change/IMPLEMENTATION.md"]
    box.write_plan()
    put_change(box, "add-x", "challenged")
    done = box.run("impl", "add-x")
    assert steps_of(box) == ["implementation", "resolve", "resolve", "review"]
    assert done.stderr.count("implementation: wrote no IMPLEMENTATION.md") == 1
    assert done.stderr.count("resolve: left IMPLEMENTATION.md as it was") == 2


@pytest.mark.parametrize("command", ["impl", "review", "archive"])
def test_a_configured_command_that_is_not_there_is_for_a_person_to_mend(
    tmp_path: Path, command: str
) -> None:
    box = box_of(tmp_path, f'test = "no-such-command-here --all"\n{OFF}')
    whole(box, "x")
    phase = {"impl": "challenged", "review": "implementing", "archive": "complete"}[command]
    written = {} if command == "impl" else {"IMPLEMENTATION.md": "# I\n"}
    put_change(box, "add-x", phase, written)
    done = box.run(command, "add-x")
    assert done.returncode == 1, done.stderr
    told = (
        'agentd/config.toml: checks.test is "no-such-command-here --all", which ends with exit 127'
    )
    assert told in done.stderr
    state = state_of(box, "add-x")
    assert (state["phase"], state["telemetry"]["calls"]) == (phase, [])
    assert not (box.change("add-x") / "REVIEW.md").exists()


def test_a_command_that_was_never_there_is_not_told_as_worse(tmp_path: Path) -> None:
    box = box_of(tmp_path, 'test = "true"\nlint = "no-such-command-here"\naudit = ""')
    whole(box, "x")
    put_change(box, "add-x", "challenged")
    done = box.run("impl", "add-x")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("lint: FAILED (exit 127: the command is not found)") == 2
    assert "worse than before" not in done.stderr


def test_a_configured_command_that_the_code_takes_away_is_for_resolve(tmp_path: Path) -> None:
    box = box_of(tmp_path, f'test = "./check"\n{OFF}')
    check = box.root / "check"
    check.write_text("#!/bin/sh\nexit 0\n")
    check.chmod(0o755)
    whole(box, "x", "y")
    box.plan["implementation"][0]["shell"] = "mv check ../check"
    box.plan["resolve"][0]["shell"] = "mv ../check check"
    box.write_plan()
    put_change(box, "add-x", "challenged")
    box.ok("impl", "add-x")
    assert steps_of(box) == ["implementation", "resolve", "review"]


def test_a_guessed_command_that_is_missing_is_told_and_no_failure(tmp_path: Path) -> None:
    box = box_of(tmp_path, OFF)
    (box.root / "Cargo.toml").write_text("[package]\n")
    put_change(box, "add-x", "implementing", {"IMPLEMENTATION.md": "# I\n"})
    done = box.run("review", "add-x", PATH="/usr/bin:/bin")
    assert "test: not found: cargo test" in done.stderr
    assert "verdict: APPROVED" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for its processes")
def test_a_check_whose_agentd_was_killed_is_ended_and_nothing_is_paid_for(tmp_path: Path) -> None:
    box = box_of(tmp_path, f'test = "echo $$ > ../pid; exec sleep 60"\n{OFF}')
    put_change(box, "add-x", "implementing", {"IMPLEMENTATION.md": "# I\n"})
    agentd = subprocess.Popen([sys.executable, "-m", "agentd", "review", "add-x"], cwd=box.root)
    deadline = time.monotonic() + 30
    while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(agentd.pid, signal.SIGKILL)
    agentd.wait()
    pid = (tmp_path / "pid").read_text().strip()
    set_checks(
        box,
        f'test = "exit 1"\n{OFF}',
        f'[checks]\ntest = "echo $$ > ../pid; exec sleep 60"\n{OFF}\n',
    )
    done = box.run("review", "add-x")
    assert f"ended what an earlier run had left at work: process {pid}" in done.stderr
    assert start_token(int(pid)) is None
    assert calls_of(box, "add-x") == []
    assert not list(find_project(box.root).change_dir("add-x").glob("runs/2*"))


def test_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    done = reviewed(box_of(tmp_path, 'required = ["tests"]'))
    assert done.returncode == 1
    assert "checks.required" in done.stderr
    assert "test, lint, audit" in done.stderr


def test_mending_that_changes_nothing_is_not_paid_for_again(tmp_path: Path) -> None:
    """Until a person has said what to mend, or has mended the code."""
    box = box_of(tmp_path, GREP)
    whole(box, "bad", "bad", "good")
    del box.plan["resolve"][0]["files"]["login.py"]
    box.write_plan()
    done = box.run("run", "add-x", "Let users log in")
    assert done.returncode == 5, done.stderr
    assert "no progress: the review found the same issues again" in done.stderr
    assert "Or mend it yourself, and let the checks run again: agentd review add-x\n" in done.stderr
    steps = ["proposal", "challenge", "implementation", "resolve"]
    assert steps_of(box) == steps
    assert box.run("run", "add-x").returncode == 5
    assert steps_of(box) == steps
    assert 'Next: agentd run add-x --feedback "WHAT TO CHANGE"' in box.ok("status", "add-x")
    (box.root / "login.py").write_text("better, and still bad\n")
    box.ok("impl", "add-x")
    assert steps_of(box) == [*steps, "resolve", "review"]
