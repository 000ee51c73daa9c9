"""Whole loops over the command line, against stand-in CLIs that answer round by round."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml
from support.faults import begin_child
from support.loop_box import STREAMS, WHOLE, archived_state, sandbox, steps_of, verdict
from support.recordings import recording
from support.slices import part_of, seed
from support.workspace import PROPOSAL, REVIEW, SPEC, STANDIN_CLI, Sandbox

from agentd.cli import run


@pytest.mark.parametrize(
    "providers", [("claude",), ("codex",), ("gemini",), ("claude", "codex", "gemini")]
)
def test_run_takes_a_change_from_a_sentence_to_the_archive(
    tmp_path: Path, providers: tuple[str, ...]
) -> None:
    box = sandbox(tmp_path, providers)
    out = box.ok("run", "add-x", "Let users log in")
    state = archived_state(box, "add-x")
    assert steps_of(state) == WHOLE
    assert (state["phase"], state["last_action"]) == ("archived", "archive-review")
    assert "archived as agentd/archive/" in out
    assert (box.root / "login.py").read_text() == "b\n"
    spec = (box.root / "agentd/specs/login.md").read_text()
    assert "### Requirement: Log in by name" in spec
    assert "## ADDED" not in spec
    assert "Log in." in (box.root / "agentd/specs/CHANGELOG.md").read_text()
    assert (
        "all tests passed"
        in next(
            (box.root / "agentd/archive").glob("*/runs/????????T??????-review-*/prompt")
        ).read_text()
    )


def test_the_loops_one_by_one_count_their_rounds(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    box.ok("plan", "add-x", "Let users log in")
    state = yaml.safe_load((box.change("add-x") / "STATE.yaml").read_text())
    assert (state["phase"], state["iteration"], state["last_action"]) == (
        "challenged",
        2,
        "challenge",
    )
    box.ok("impl", "add-x")
    state = yaml.safe_load((box.change("add-x") / "STATE.yaml").read_text())
    assert (state["phase"], state["iteration"], state["last_action"]) == ("complete", 2, "review")
    calls = len(state["telemetry"]["calls"])
    box.ok("impl", "add-x")
    box.ok("plan", "add-x")
    assert len(box.telemetry("add-x")["calls"]) == calls
    assert not (box.root / "agentd/specs/login.md").exists()
    box.ok("archive", "add-x")
    assert steps_of(archived_state(box, "add-x")) == WHOLE


def test_a_usual_cli_that_is_not_installed_is_told_once(tmp_path: Path) -> None:
    box = sandbox(tmp_path, ("gemini", "claude"))
    config = box.root / "agentd/config.toml"
    lines = config.read_text().split("\n")
    at = lines.index("[claude]")
    lines[at + 1] = 'command = "no-such-claude"'
    config.write_text("\n".join(lines))
    for answers in box.plan.values():
        for answer in answers:
            answer["stdout"] = str(recording(STREAMS["gemini"]).folder / "stdout")
    box.write_plan()
    box.ok("plan", "add-x", "Let users log in")
    done = box.run("impl", "add-x")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("claude is not installed; gemini is used\n") == 1


def test_small_change_has_no_challenge(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    box.plan["proposal-small"] = box.plan["proposal"]
    box.write_plan()
    box.ok("run", "add-x", "Let users log in", "--small")
    assert steps_of(archived_state(box, "add-x")) == ["proposal", *WHOLE[4:]]


def test_gates_pause_and_name_the_command_that_goes_on(tmp_path: Path) -> None:
    box = sandbox(tmp_path, workflow='gates = ["plan", "impl"]')
    for gate, done in (("plan", 4), ("impl", 8)):
        paused = box.run(
            "run", "add-x", "Let users log in", *(["--approve", "plan"] if done == 8 else [])
        )
        assert paused.returncode == 6, paused.stderr
        assert f"agentd run add-x --approve {gate}" in paused.stderr
        assert len(box.telemetry("add-x")["calls"]) == done
    box.ok("run", "add-x", "--approve", "impl")
    assert steps_of(archived_state(box, "add-x")) == WHOLE


def test_no_verdict_is_asked_once_more_and_then_a_person(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    unfilled = "## Verdict\n- [ ] APPROVED\n- [ ] REJECTED\n"
    box.answers("challenge", (STREAMS["gemini"], {"change/CHALLENGE.md": unfilled}))
    done = box.run("plan", "add-x", "Let users log in")
    assert done.returncode == 6
    assert "the challenge was asked twice, and can't be taken: it gives no verdict" in done.stderr
    assert "tick another box" in done.stderr
    first, second = prompts(box, "challenge")
    assert "could not be taken" not in first
    assert "Of the document that you wrote last: it gives no verdict" in second
    assert [c["step"] for c in box.telemetry("add-x")["calls"]] == ["proposal", *["challenge"] * 2]
    (box.change("add-x") / "CHALLENGE.md").write_text(unfilled.replace("[ ] APP", "[x] APP"))
    box.ok("plan", "add-x")
    assert len(box.telemetry("add-x")["calls"]) == 3
    assert json.loads(box.ok("status", "--json"))["phase"] == "challenged"


@pytest.mark.parametrize(
    ("issues", "calls", "why"),
    [(("vague", "vague"), 4, "no progress"), (("a", "b", "c", "d", "e"), 8, "after 4 rounds")],
)
def test_plan_ends_without_approval(
    tmp_path: Path, issues: tuple[str, ...], calls: int, why: str
) -> None:
    box = sandbox(tmp_path)
    rounds = [{"change/CHALLENGE.md": verdict("NEEDS_REVISION", issue)} for issue in issues]
    box.answers("challenge", *((STREAMS["gemini"], files) for files in rounds))
    revisions = [
        {**PROPOSAL, "change/tasks.md": PROPOSAL["change/tasks.md"] + f"\n{n}\n"} for n in range(5)
    ]
    box.answers("reproposal", *((STREAMS["gemini"], files) for files in revisions))
    done = box.run("plan", "add-x", "Let users log in")
    assert done.returncode == 5
    assert why in done.stderr
    assert len(box.telemetry("add-x")["calls"]) == calls


def test_rejected_change_stops_the_run(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    box.answers(
        "challenge", (STREAMS["gemini"], {"change/CHALLENGE.md": verdict("REJECTED", "no")})
    )
    assert box.run("run", "add-x", "Let users log in").returncode == 5
    assert json.loads(box.ok("status", "--json"))["phase"] == "rejected"


def test_invalid_proposal_is_revised_before_a_challenge_is_paid_for(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    broken = {**PROPOSAL, "change/specs/login.md": SPEC.replace("#### Scenario", "##### Scene")}
    box.answers("proposal", (STREAMS["gemini"], broken))
    box.answers("challenge", (STREAMS["gemini"], {"change/CHALLENGE.md": verdict("APPROVED")}))
    box.ok("plan", "add-x", "Let users log in")
    steps = [call["step"] for call in box.telemetry("add-x")["calls"]]
    assert steps == ["proposal", "reproposal", "challenge"]


def test_a_revision_that_leaves_what_is_not_valid_ends_the_loop(tmp_path: Path) -> None:
    """What agentd itself would refuse again is not paid for until the rounds end."""
    box = sandbox(tmp_path)
    broken = {**PROPOSAL, "change/specs/login.md": SPEC.replace("#### Scenario", "##### Scene")}
    box.answers("proposal", (STREAMS["gemini"], broken))
    box.answers("reproposal", (STREAMS["gemini"], {}), (STREAMS["gemini"], PROPOSAL))
    done = box.run("plan", "add-x", "Let users log in")
    assert done.returncode == 4
    assert [call["step"] for call in box.telemetry("add-x")["calls"]] == ["proposal", "reproposal"]
    error = 'specs/login.md:8: ADDED "Log in by name" has no "#### Scenario:" with steps under it'
    assert "it is not valid:\n" in done.stderr
    assert error in done.stderr
    assert "Mend that yourself, then: agentd challenge add-x\n" in done.stderr
    assert "To go on: agentd run add-x" in done.stderr
    box.ok("plan", "add-x")


def prompts(box: Sandbox, step: str) -> list[str]:
    """The prompts of a step's runs, in order."""
    found = box.change("add-x").glob(f"runs/*-{step}-*/prompt")
    return [path.read_text() for path in sorted(found, key=lambda path: path.stat().st_mtime_ns)]


ROW = "| Log in by name | known user | login.py:1 | test_login.py |\n"


def test_a_review_that_finds_a_scenario_missing_asks_for_changes(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    hasty = REVIEW.replace(ROW, ROW.replace("login.py:1", "MISSING"))
    box.answers(
        "review",
        (STREAMS["gemini"], {"change/REVIEW.md": hasty}),
        (STREAMS["gemini"], {"change/REVIEW.md": REVIEW}),
    )
    box.ok("plan", "add-x", "Let users log in")
    box.ok("impl", "add-x")
    steps = [call["step"] for call in box.telemetry("add-x")["calls"]]
    assert steps[4:] == ["implementation", "review", "resolve", "review"]
    kept = [path.read_text() for path in box.change("add-x").glob("runs/*-review-*/REVIEW.md")]
    assert [("## Not covered (added by agentd)" in text) for text in sorted(kept)].count(True) == 1


@pytest.mark.parametrize("mended", [True, False])
def test_what_is_mended_or_needs_no_mending_counts_without_a_word_in_the_document(
    tmp_path: Path, mended: bool
) -> None:
    box = sandbox(tmp_path)
    asking = REVIEW.replace("[x] APPROVED", "[ ] APPROVED").replace("[ ] NEEDS", "[x] NEEDS")
    box.answers(
        "review",
        (STREAMS["gemini"], {"change/REVIEW.md": asking}),
        (STREAMS["gemini"], {"change/REVIEW.md": REVIEW}),
    )
    box.answers("resolve", (STREAMS["gemini"], {"login.py": "mended\n"} if mended else {}))
    box.ok("plan", "add-x", "Let users log in")
    done = box.run("impl", "add-x")
    assert done.returncode == 0, done.stderr
    steps = [call["step"] for call in box.telemetry("add-x")["calls"]]
    assert steps[4:] == ["implementation", "review", "resolve", "review"]
    counts = "what it changed counts" if mended else "whether that is right is for the next judge"
    assert f"resolve: left IMPLEMENTATION.md as it was; {counts}" in done.stderr


@pytest.mark.parametrize(
    ("doubtful", "why"),
    [
        (REVIEW.replace(ROW, ""), "known user: the review has no row for it"),
        (REVIEW.replace("[x] APPROVED", "[x] APPROVED once it is faster"), "under a condition"),
        (
            REVIEW.replace("none\n", "### Issue 1: It leaks\n- Severity: High\n"),
            "an issue of High severity is open: It leaks",
        ),
    ],
)
def test_an_approval_in_doubt_is_asked_again_and_mended_by_nobody_else(
    tmp_path: Path, doubtful: str, why: str
) -> None:
    box = sandbox(tmp_path)
    box.answers(
        "review",
        (STREAMS["gemini"], {"change/REVIEW.md": doubtful}),
        (STREAMS["gemini"], {"change/REVIEW.md": REVIEW}),
    )
    box.ok("plan", "add-x", "Let users log in")
    done = box.run("impl", "add-x")
    assert done.returncode == 0
    assert why in done.stderr
    steps = [call["step"] for call in box.telemetry("add-x")["calls"]]
    assert steps[4:] == ["implementation", "review", "review"]
    _, second = prompts(box, "review")
    assert why in second


def test_two_runs_of_one_change_at_once(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    box.plan["proposal"][0]["sleep_s"] = 3
    box.write_plan()
    command = [sys.executable, "-m", "agentd", "plan", "add-x", "Let users log in"]
    with subprocess.Popen(command, cwd=box.root, stderr=subprocess.DEVNULL) as first:
        deadline = time.monotonic() + 20
        while not (box.root.parent / "argv.txt").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        second = box.run("plan", "add-x", "Let users log in")
        other = box.run("plan", "add-y", "Let users log in")
        assert second.returncode == 1
        does = f"process {first.pid} (agentd plan add-x Let users log in, since 20"
        assert f"another agentd is at work on add-x: {does}" in second.stderr
        assert f"stop it (kill {first.pid})" in second.stderr
        assert other.returncode == 0, other.stderr
    assert first.returncode == 0


def test_fallback_goes_on_with_the_next_provider(tmp_path: Path) -> None:
    box = sandbox(tmp_path, ("gemini", "codex"), workflow='fallback = ["codex"]')
    box.answer("proposal", "gemini/0.61.0/err401_stream_json", exit=145)
    script = Path(box.root.parent / "codex")
    script.write_text(script.read_text().replace("standin_cli.py", "standin_codex.py"))
    stand_in = STANDIN_CLI.read_text()
    (box.root.parent / "standin_codex.py").write_text(stand_in.replace("[step]", '["codex"]', 1))
    script.write_text(script.read_text().replace(str(STANDIN_CLI.parent), str(box.root.parent)))
    box.answer("codex", STREAMS["codex"], PROPOSAL)
    box.ok("proposal", "add-x", "Let users log in")
    calls = box.telemetry("add-x")["calls"]
    assert [(c["provider"], c["status"]) for c in calls] == [("gemini", "failed"), ("codex", "ok")]
    assert calls[1]["model"] == "gpt-5"


def test_reproposal_goes_on_with_the_session_of_the_proposal(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    box.answers(
        "challenge", (STREAMS["gemini"], {"change/CHALLENGE.md": verdict("NEEDS_REVISION", "v")})
    )
    box.ok("proposal", "add-x", "Let users log in")
    box.ok("challenge", "add-x")
    box.ok("reproposal", "add-x")
    session = box.telemetry("add-x")["calls"][0]["session_id"]
    assert f"--resume\n{session}" in (box.root.parent / "argv.txt").read_text()


def test_tasks_that_are_not_ticked_and_feedback_are_told_when_the_change_is_archived(
    tmp_path: Path,
) -> None:
    box = sandbox(tmp_path)
    box.ok("plan", "add-x", "Let users log in")
    box.ok("impl", "add-x")
    box.ok("feedback", "add-x", "Mention teams.")
    done = box.run("archive", "add-x")
    assert done.returncode == 0, done.stderr
    assert "warning: 1 of 1 tasks in tasks.md are not ticked" in done.stderr
    assert "feedback waits that no step of the archive takes; agentd run add-x" in done.stderr
    assert archived_state(box, "add-x")["feedback"] == "Mention teams."


# Half of 2,000 for each; `make test` takes 8.
KILLS = part_of(1000) if "AGENTD_TEST_SLICE" in os.environ else 8


def kill_clis(change: Path) -> None:
    """Kill the process group of the CLI that is at work on a change, if there is one."""
    for info in change.glob("runs/*/run.json"):
        if not (info.parent / "call.json").exists():
            with contextlib.suppress(OSError, ValueError, TypeError):
                os.killpg(json.loads(info.read_bytes())["cli_pid"], signal.SIGKILL)


def is_killed(box: Sandbox, change: str, spared_s: float | None) -> bool:
    """Whether ``run`` was killed so long after its begin; else it has ended well."""
    arguments, err = ["run", change, "Let users log in"], box.root.parent / "err"
    agentd = begin_child(lambda: run(arguments), at=box.root, out=Path(os.devnull), err=err)
    deadline = time.monotonic() + (60 if spared_s is None else spared_s)
    while time.monotonic() < deadline:
        ended, status = os.waitpid(agentd, os.WNOHANG)
        if ended:
            assert status == 0, err.read_text()
            return False
        time.sleep(0.005)
    os.kill(agentd, signal.SIGKILL)
    os.waitpid(agentd, 0)
    assert spared_s is not None, "it has no end"
    return True


@pytest.mark.reliability
@pytest.mark.parametrize("group", [False, True], ids=["agentd alone", "with its agent's group"])
def test_kill_at_random_moments_repeats_no_paid_call_and_loses_none(
    tmp_path: Path, group: bool
) -> None:
    """SIGKILL agentd at random moments of ``run``; each change runs again until it is archived.

    A CLI that is killed too has not done its work: its step may run again, and its call is there.
    """
    box = sandbox(tmp_path)
    for rounds in box.plan.values():
        for answer in rounds:
            answer["sleep_s"] = 0.02 if group else 0.15  # longer: it is followed to its end
    box.write_plan()
    (box.root / "agentd/specs").mkdir(exist_ok=True)
    chance = random.Random(seed(7))
    kills, number = 0, 0
    while kills < KILLS:
        change = f"change-{number}"
        number += 1
        specs = {**PROPOSAL, "change/specs/login.md": SPEC.replace("by name", f"by name {number}")}
        specs["change/tasks.md"] = specs["change/tasks.md"].replace("by name", f"by name {number}")
        for step in ("proposal", "reproposal"):
            box.plan[step][0]["files"] = dict(specs)
        box.plan["reproposal"][0]["files"]["change/tasks.md"] += "  - Note: revised\n"
        for answer in box.plan["review"]:
            answer["files"]["change/REVIEW.md"] = REVIEW.replace("by name", f"by name {number}")
        first = box.plan["review"][0]["files"]
        first["change/REVIEW.md"] = (
            first["change/REVIEW.md"]
            .replace("[x] APP", "[ ] APP")
            .replace("[ ] NEEDS", "[x] NEEDS")
        )
        box.write_plan()
        while True:
            spared_s = None if kills >= KILLS else chance.uniform(0.02, 0.8)
            if is_killed(box, change, spared_s):
                if group:
                    kill_clis(box.change(change))
                kills += 1
                continue
            break
        state = archived_state(box, change)
        calls: list[dict[str, str]] = state["telemetry"]["calls"]  # type: ignore[index]
        assert len({call["id"] for call in calls}) == len(calls)
        if not group:
            assert [call["step"] for call in calls if call["status"] == "ok"] == WHOLE
        began = (box.root.parent / "began.log").read_text().splitlines()
        mine = Counter(line.split()[1] for line in began if line.split()[0] == change)
        assert mine <= Counter(call["step"] for call in calls)
        assert group or mine == Counter(WHOLE)
    finished = Counter((box.root.parent / "finished.log").read_text().splitlines())
    assert {line for line, times in finished.items() if times > 1} == set()


def test_what_a_person_ticks_counts_beside_an_issue_of_high_severity(tmp_path: Path) -> None:
    box = sandbox(tmp_path)
    severe = REVIEW.replace("none\n", "### Issue 1: It leaks\n- Severity: High\n")
    box.answers("review", (STREAMS["gemini"], {"change/REVIEW.md": severe}))
    box.ok("plan", "add-x", "Let users log in")
    paused = box.run("impl", "add-x")
    assert (paused.returncode, "asked twice" in paused.stderr) == (6, True)
    review = box.change("add-x") / "REVIEW.md"
    review.write_bytes(review.read_bytes().replace(b"\n", b"\r\n"))  # git's autocrlf may do so
    assert box.run("impl", "add-x").returncode == 6
    review.write_text(f"{severe}\nIt leaks nothing. ann\n")
    box.ok("impl", "add-x")
    steps = [call["step"] for call in box.telemetry("add-x")["calls"]]
    assert steps[4:] == ["implementation", "review", "review"]


def test_a_change_that_builds_on_an_open_one_waits_for_it_and_pays_for_no_round(
    tmp_path: Path,
) -> None:
    box = sandbox(tmp_path)
    box.ok("plan", "add-x", "Let users log in")
    stacked = SPEC.replace("ADDED", "MODIFIED").replace("- **THEN**", "- **AND** late\n- **THEN**")
    assert stacked.count("late") == 1
    box.answers("proposal", (STREAMS["gemini"], {**PROPOSAL, "change/specs/login.md": stacked}))
    paused = box.run("plan", "extend-x", "Let them log out")
    assert paused.returncode == 6
    assert "extend-x builds on another change" in paused.stderr
    assert "Archive that first: agentd run add-x; then: agentd run extend-x" in paused.stderr
    assert [call["step"] for call in box.telemetry("extend-x")["calls"]] == ["proposal"]
    box.ok("run", "add-x")
    box.ok("validate", "extend-x")
    box.answers("challenge", (STREAMS["gemini"], {"change/CHALLENGE.md": verdict("APPROVED")}))
    box.ok("run", "extend-x")
    assert steps_of(archived_state(box, "extend-x"))[:2] == ["proposal", "challenge"]
    assert "late" in (box.root / "agentd" / "specs" / "login.md").read_text()
