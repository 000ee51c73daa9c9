"""A call is known before anything else can fail, and what was paid for is not paid for again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from support.loop_box import sandbox, verdict
from support.workflow_box import STREAM, box_with, calls_of, put_change, state_of
from support.workspace import PROPOSAL, SPEC, Sandbox

from agentd.ledger.run_folders import UNJUDGED

CHALLENGED = "# Challenge: x\n\n## Summary\nSeen.\n\n## Verdict\n- [x] APPROVED\n"
# The shell's parent is the stand-in, and that one's parent is agentd.
KILL_AGENTD = "kill -9 $(cut -d' ' -f4 /proc/$PPID/stat); sleep 0.2"
KILL_BOTH = "kill -9 $(cut -d' ' -f4 /proc/$PPID/stat) $PPID"


def runs_of(box: Sandbox) -> list[str]:
    return (box.root.parent / "began.log").read_text().splitlines()


def dies(box: Sandbox, *command: str) -> None:
    assert box.run(*command).returncode == -signal.SIGKILL


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    return sandbox(tmp_path)


@pytest.mark.parametrize("tracked", [True, False])
def test_agent_that_cleans_the_repository(box: Sandbox, tracked: bool) -> None:
    put_change(box, "add-x", "challenged")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(box.root)]
    (box.root / "agentd/.gitignore").write_text("changes/*/runs/\n")
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "." if tracked else "agentd/config.toml"], check=True)
    subprocess.run([*git, "commit", "-qm", "all"], check=True)
    files = {"change/IMPLEMENTATION.md": "# Implementation\n"}
    box.answer("implementation", STREAM, files, shell="git clean -qffdx")
    box.run("implement", "add-x")
    assert [step for step, _ in calls_of(box, "add-x")] == ["implementation"]


def test_agent_that_deletes_its_run(box: Sandbox) -> None:
    put_change(box, "add-x", "challenged")
    files = {"change/IMPLEMENTATION.md": "# Implementation\n"}
    box.answer("implementation", STREAM, files, shell="rm -rf agentd/changes/add-x/runs")
    box.run("implement", "add-x")
    assert [step for step, _ in calls_of(box, "add-x")] == ["implementation"]


def dies_without(missing: str, box: Sandbox, *command: str) -> None:
    """The proposal's CLI kills agentd with all but ``missing`` written; the next CLI writes all."""
    whole = box.plan["proposal"]
    in_part = {name: text for name, text in PROPOSAL.items() if missing not in name}
    box.answer("proposal", None, in_part, shell=KILL_AGENTD)
    dies(box, *command)
    box.plan["proposal"] = whole
    box.write_plan()


def test_proposal_killed_between_its_documents_is_taken_up(box: Sandbox) -> None:
    command = ("proposal", "add-x", "Let users log in")
    dies_without("tasks", box, *command)
    box.ok(*command)
    assert [step for step, _ in calls_of(box, "add-x")] == ["proposal", "proposal"]
    assert state_of(box, "add-x")["last_action"] == "proposal"


def test_plan_takes_up_a_proposal_that_is_there_in_part(box: Sandbox) -> None:
    dies_without("specs", box, "plan", "add-x", "Let users log in")
    box.ok("plan", "add-x")
    assert [step for step, _ in calls_of(box, "add-x")][:3] == ["proposal", "proposal", "challenge"]


def test_proposal_that_a_person_began_is_taken_up(box: Sandbox) -> None:
    box.change("add-x").mkdir(parents=True)
    (box.change("add-x") / "proposal.md").write_text(PROPOSAL["change/proposal.md"])
    box.ok("plan", "add-x")
    prompts = sorted(box.change("add-x").glob("runs/*-proposal-*/prompt"))
    assert "Take up the proposal" in prompts[0].read_text()


def test_interrupted_judge_whose_document_is_right_is_not_paid_again(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    put_change(box, "add-x", "proposed")
    box.answer("challenge", None, {"change/CHALLENGE.md": CHALLENGED}, shell=KILL_BOTH)
    dies(box, "challenge", "add-x")
    box.ok("challenge", "add-x")
    assert calls_of(box, "add-x") == [("challenge", "interrupted")]
    assert runs_of(box) == ["add-x challenge"]
    assert state_of(box, "add-x")["phase"] == "challenged"


def test_interrupted_judge_without_a_verdict_judges_again(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    put_change(box, "add-x", "proposed")
    unfilled = {"change/CHALLENGE.md": CHALLENGED.replace("[x]", "[ ]")}
    box.answer("challenge", None, unfilled, shell=KILL_BOTH)
    dies(box, "challenge", "add-x")
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": CHALLENGED})
    box.ok("challenge", "add-x")
    assert calls_of(box, "add-x") == [("challenge", "interrupted"), ("challenge", "ok")]


@pytest.mark.parametrize("valid", [True, False])
def test_interrupted_proposal_counts_when_it_is_valid(tmp_path: Path, valid: bool) -> None:
    box = box_with(tmp_path)
    broken = {**PROPOSAL, "change/specs/login.md": SPEC.replace("#### Scenario", "##### Scene")}
    box.answer("proposal", None, PROPOSAL if valid else broken, shell=KILL_BOTH)
    dies(box, "proposal", "add-x", "Let users log in")
    deadline = time.monotonic() + 30
    while json.loads(box.run("status", "add-x", "--json").stdout)["orphans"]:
        assert time.monotonic() < deadline  # the shell lives for a moment longer
    state = state_of(box, "add-x")
    assert [call["status"] for call in state["telemetry"]["calls"]] == ["interrupted"]
    assert state["last_action"] == ("proposal" if valid else None)


def killed_resolve(box: Sandbox, stdout: str, shell: str) -> Path:
    review = verdict("NEEDS_CHANGES", "it greets nobody")
    folder = put_change(box, "add-x", "implementing", {"REVIEW.md": review})
    (folder / "IMPLEMENTATION.md").write_text("# Implementation\n")
    past = time.time() - 3600
    os.utime(folder / "IMPLEMENTATION.md", (past, past))
    box.answer("resolve", stdout, {"login.py": "mended\n"}, shell=shell)
    dies(box, "resolve", "add-x")
    return folder


def test_killed_resolve_that_mended_code_without_its_document_is_taken(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    killed_resolve(box, STREAM, KILL_AGENTD)
    done = box.run("resolve", "add-x")
    assert done.returncode == 0, done.stderr
    assert calls_of(box, "add-x") == [("resolve", "ok")]
    assert "resolve: left IMPLEMENTATION.md as it was; what it changed counts" in done.stderr


def test_killed_resolve_that_did_not_say_that_it_was_done_is_explained(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    killed_resolve(box, STREAM, KILL_BOTH)
    box.answer("resolve", STREAM, {"change/IMPLEMENTATION.md": "# Again\n"})
    done = box.run("resolve", "add-x")
    assert done.returncode == 0, done.stderr
    assert calls_of(box, "add-x") == [("resolve", "interrupted"), ("resolve", "ok")]
    assert "was stopped in step resolve, and did not say that it was done" in done.stderr
    assert "login.py" in done.stderr


def test_call_of_a_step_killed_at_its_last_write_is_taken(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    put_change(box, "add-x", "proposed")
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": CHALLENGED})
    box.ok("challenge", "add-x")
    (run_dir,) = box.change("add-x").glob("runs/*-challenge-*")
    (run_dir / "call.json").rename(run_dir / UNJUDGED)
    ledger = box.change("add-x") / "STATE.yaml"
    before = ledger.read_text()
    box.ok("challenge", "add-x")
    assert ledger.read_text() == before
    assert runs_of(box) == ["add-x challenge"]
    assert (run_dir / "call.json").exists()


def test_what_killed_agentds_left_is_removed(tmp_path: Path) -> None:
    box = box_with(tmp_path)
    change = put_change(box, "add-x", "proposed")
    unused = change / "runs/20261122T054052-challenge-0000002a"
    unused.mkdir(parents=True)
    for name in ("reserve", "lock", "prompt", ".run.json.0123abcd.tmp"):
        (unused / name).touch()
    left = [change / ".tasks.md.0123abcd.tmp", box.root / "agentd/.config.toml.0123abcd.tmp"]
    for path in left:
        path.touch()
    (change / "runs/notes").mkdir()
    (change / "runs/notes/mine.txt").touch()
    box.answer("challenge", STREAM, {"change/CHALLENGE.md": CHALLENGED})
    box.ok("challenge", "add-x")
    assert not unused.exists()
    assert not any(path.exists() for path in left)
    assert (change / "runs/notes/mine.txt").exists()
