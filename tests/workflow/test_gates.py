"""Where a person decides: gates, what passes them, and feedback for the step that mends next."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from support.loop_box import STREAMS, WHOLE, approving, archived_state, sandbox, steps_of, verdict
from support.workspace import Sandbox

from agentd.project.phases import still_approved

SAID = 'Use "argon2": # no bcrypt\n\nAnd keep it small.'


def state_of(box: Sandbox) -> dict[str, object]:
    state: dict[str, object] = yaml.safe_load((box.change("add-x") / "STATE.yaml").read_text())
    return state


def status_of(box: Sandbox) -> dict[str, object]:
    document: dict[str, object] = json.loads(box.ok("status", "add-x", "--json"))
    return document


def prompts_with(box: Sandbox, text: str) -> list[str]:
    """The steps whose prompts have the text, in order."""
    folders = [*box.root.glob("agentd/*/*add-x/runs/*/prompt")]
    runs = sorted(folders, key=lambda path: path.stat().st_mtime_ns)
    return [
        "-".join(path.parent.name.split("-")[1:-1]) for path in runs if text in path.read_text()
    ]


def test_each_gate_is_shown_and_its_approval_kept(tmp_path: Path) -> None:
    box = sandbox(tmp_path, workflow='gates = ["plan", "impl", "archive"]')
    approving(box)
    words = ["run", "add-x", "Let users log in"]
    for gate in ("plan", "impl", "archive"):
        paused = box.run(*words)
        assert paused.returncode == 6, paused.stderr
        following = f"agentd run add-x --approve {gate}"
        assert following in paused.stderr
        assert 'agentd run add-x --feedback "WHAT TO CHANGE"' in paused.stderr
        text = box.ok("status", "add-x")
        assert f"\nWaits for a person: the gate after {gate}\n" in text
        assert text.endswith(f"\nNext: {following}\n")
        assert (status_of(box)["gate"], status_of(box)["next"]) == (gate, following)
        words = following.split()[1:]
    box.ok(*words)
    kept = str(archived_state(box, "add-x")["approvals"]).split()
    assert [each.partition("@")[0] for each in kept] == ["plan", "impl", "archive"]
    assert all(each.endswith("Z") for each in kept)


def test_an_approval_given_ahead_outlives_the_command(tmp_path: Path) -> None:
    box = sandbox(tmp_path, workflow='gates = ["plan", "impl"]')
    stdout = box.plan["implementation"][0]["stdout"]
    box.plan["implementation"][0] |= {"exit": 3, "stdout": None}
    box.write_plan()
    assert (
        box.run("run", "add-x", "Log in", "--approve", "plan", "--approve", "impl").returncode == 4
    )
    assert status_of(box)["approvals"] == ["plan", "impl"]
    box.plan["implementation"][0] |= {"exit": 0, "stdout": stdout}
    box.write_plan()
    box.ok("run", "add-x")
    assert steps_of(archived_state(box, "add-x"))[-len(WHOLE[4:]) :] == WHOLE[4:]


@pytest.mark.parametrize(
    ("before", "after", "stays"),
    [
        ("challenged", "proposed", ""),
        ("complete", "implementing", "plan@1"),
        ("implementing", "complete", None),
        ("proposed", "rejected", None),
        ("complete", "proposed", ""),
        ("complete", None, None),
    ],
)
def test_what_is_mended_after_its_gate_waits_again(
    before: str, after: str | None, stays: str | None
) -> None:
    assert still_approved("plan@1 impl@2", before, after) == stays
    assert still_approved(None, before, after) is None


def test_feedback_at_a_gate_makes_one_more_round_and_the_gate_waits_again(tmp_path: Path) -> None:
    box = sandbox(tmp_path, workflow='gates = ["plan", "impl"]')
    approving(box)
    assert box.run("run", "add-x", "Let users log in").returncode == 6
    told = box.ok("feedback", "add-x", SAID)
    assert told.endswith("next: agentd run add-x\n")
    assert state_of(box)["feedback"] == SAID
    assert "\nFeedback for the next reproposal or resolve: Use " in box.ok("status", "add-x")
    assert status_of(box)["next"] == "agentd run add-x"
    paused = box.run("run", "add-x")
    assert paused.returncode == 6
    assert "--approve plan" in paused.stderr
    assert prompts_with(box, SAID) == ["reproposal"]
    assert state_of(box)["feedback"] == ""
    paused = box.run("run", "add-x", "--approve", "plan")
    assert "--approve impl" in paused.stderr
    paused = box.run("run", "add-x", "--feedback", "Test it more.")
    assert "--approve impl" in paused.stderr
    assert prompts_with(box, "Test it more.") == ["resolve"]
    box.ok("run", "add-x", "--approve", "impl")
    made = [*WHOLE[:4], "implementation", "review", "resolve", "review", *WHOLE[-2:]]
    assert steps_of(archived_state(box, "add-x")) == made


def test_feedback_at_the_archives_gate_has_it_resolved_and_archived_anew(tmp_path: Path) -> None:
    box = sandbox(tmp_path, workflow='gates = ["archive"]')
    approving(box)
    assert box.run("run", "add-x", "Let users log in").returncode == 6
    paused = box.run("run", "add-x", "--feedback", "Mention teams.")
    assert paused.returncode == 6, paused.stderr
    assert prompts_with(box, "Mention teams.") == ["resolve"]
    rounds = {path.name for path in (box.change("add-x") / "rounds").iterdir()}
    assert rounds == {"01-REVIEW.md", "01-ARCHIVE_REVIEW.md"}
    box.ok("run", "add-x", "--approve", "archive")
    made = ["resolve", "review", "archive", "archive-review"]
    assert steps_of(archived_state(box, "add-x"))[-4:] == made


def test_a_loop_that_has_ended_goes_on_with_feedback(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    rejected = (STREAMS["gemini"], {"change/CHALLENGE.md": verdict("REJECTED", "no")})
    good = (STREAMS["gemini"], {"change/CHALLENGE.md": verdict("APPROVED")})
    box.answers("challenge", rejected, good)
    ended = box.run("run", "add-x", "Let users log in")
    following = 'agentd run add-x --feedback "WHAT TO CHANGE"'
    assert ended.returncode == 5
    assert f"To go on: {following}\n" in ended.stderr
    assert box.ok("status", "add-x").endswith(f"\nNext: {following}\n")
    again = box.run("run", "add-x")
    assert again.returncode == 5  # nothing new was said, nothing is paid for
    assert steps_of({"telemetry": box.telemetry("add-x")}) == ["proposal", "challenge"]
    box.ok("plan", "add-x", "--feedback", "Only for teams.")
    made = ["proposal", "challenge", "reproposal", "challenge"]
    assert steps_of({"telemetry": box.telemetry("add-x")}) == made
    assert prompts_with(box, "Only for teams.") == ["reproposal"]


def test_rounds_that_are_used_up_go_on_with_feedback(tmp_path: Path) -> None:
    box = sandbox(tmp_path, workflow="planning_iterations = 0")
    assert box.run("plan", "add-x", "Let users log in").returncode == 5
    assert status_of(box)["next"] == 'agentd run add-x --feedback "WHAT TO CHANGE"'
    box.ok("plan", "add-x", "--feedback", "Only for teams.")
    assert status_of(box)["next"] == "agentd run add-x"


def test_feedback_is_given_once_though_agentd_is_killed(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    box.ok("plan", "add-x", "Let users log in")
    box.ok("feedback", "add-x", "First.")
    box.plan["reproposal"][0]["sleep_s"] = 3
    box.write_plan()
    agentd = subprocess.Popen(
        [sys.executable, "-m", "agentd", "plan", "add-x"],
        cwd=box.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    began = box.root.parent / "began.log"
    deadline = time.monotonic() + 30
    while began.read_text().count("reproposal") < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    agentd.send_signal(signal.SIGKILL)
    agentd.wait()
    box.ok("feedback", "add-x", "Second.")
    box.ok("plan", "add-x")
    assert prompts_with(box, "First.") == ["reproposal"]
    assert prompts_with(box, "Second.") == ["reproposal"]
    assert state_of(box)["feedback"] == ""


@pytest.mark.parametrize("words", [("feedback", "add-x", " "), ("run", "add-x", "--feedback", "")])
def test_empty_feedback_is_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    box = sandbox(tmp_path)
    box.ok("proposal", "add-x", "Let users log in")
    done = box.run(*words)
    assert (done.returncode, "the feedback is empty" in done.stderr) == (1, True)
    assert len(box.telemetry("add-x")["calls"]) == 1


def test_ctrl_c_in_a_check_says_how_it_goes_on(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    config = box.root / "agentd/config.toml"
    config.write_text(config.read_text().replace("echo all tests passed", "sleep 30"))
    box.ok("plan", "add-x", "Let users log in")
    agentd = subprocess.Popen(
        [sys.executable, "-m", "agentd", "impl", "add-x"],
        cwd=box.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert agentd.stderr is not None
    assert any(line == "test: sleep 30 ...\n" for line in agentd.stderr)
    time.sleep(0.3)
    agentd.send_signal(signal.SIGINT)
    said = agentd.stderr.read()
    assert agentd.wait(timeout=20) == 130, said
    assert said.endswith("\nTo go on: agentd run add-x\n")


def test_what_is_not_known_of_a_loops_calls_is_a_line_below_their_sum(tmp_path: Path) -> None:
    box = sandbox(tmp_path, providers=("codex",))
    box.ok("proposal", "add-x", "Let users log in", "-q")
    shown = box.ok("plan", "add-x", "-q")
    assert "\nat least $0.0120: 4 calls are partial (" in shown
