"""Steps run as commands against stand-in CLIs that replay recordings; the ledger is looked at."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from support.workflow_box import box_with, put_change
from support.workspace import PROPOSAL, Sandbox, make_sandbox

from agentd.config.edit import set_values

CONFIG = """
project_name = "test"
[workflow]
step_timeout_secs = 30
script_retries = 0
[claude]
command = "{claude}"
[codex]
command = "{codex}"
default = "gpt-5"
[gemini]
command = "{gemini}"
default = "flash"
[[gemini.models]]
id = "flash"
model = "gemini-3-flash-preview"
cost_per_1m_input = 0.5
cost_per_1m_output = 3.0
cost_per_1m_cache_read = 0.05
[pricing]
sources = ["config", "reported", "catalog"]
[pricing.models."gpt-5"]
cost_per_1m_input = 2
cost_per_1m_output = 10
cost_per_1m_cache_read = 0.2
[pricing.models."gemini-2.5-pro"]
cost_per_1m_input = 1
cost_per_1m_output = 8
cost_per_1m_cache_read = 0.1
"""
FLASH = "gemini-3-flash-preview"


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    return make_sandbox(tmp_path, CONFIG)


def set_phase(box: Sandbox, phase: str) -> None:
    state = box.change("add-x") / "STATE.yaml"
    state.write_text(state.read_text().replace("phase: proposed", f"phase: {phase}"))


def flash_recording(box: Sandbox) -> str:
    """A recorded stream of gemini in which the model is gemini-3-flash-preview."""
    from support.recordings import recording

    text = recording("gemini/0.61.0/model_stream_json").stdout
    path = box.root.parent / "flash.jsonl"
    path.write_text(text.replace("gemini-2.5-pro", FLASH))
    return str(path)


def with_proposal(box: Sandbox) -> None:
    box.answer("proposal", "gemini/0.61.0/model_stream_json", PROPOSAL)
    box.ok("proposal", "add-x", "Add x")


def test_proposal_is_recorded_with_flash_pricing(box: Sandbox) -> None:
    box.answer("proposal", None, PROPOSAL)
    box.plan["proposal"]["stdout"] = flash_recording(box)
    box.write_plan()
    out = box.ok("proposal", "add-x", "Add x")
    assert "agentd/changes/add-x/proposal.md" in out
    assert "next: agentd run add-x" in out
    (call,) = box.telemetry("add-x")["calls"]
    assert (call["step"], call["provider"], call["model"]) == ("proposal", "gemini", FLASH)
    assert (call["tokens_in"], call["tokens_out"], call["tokens_cache_read"]) == (1111, 80, 1000)
    # (1111 - 1000) * 0.5 + 1000 * 0.05 + 80 * 3 = 345.5 per million
    assert Decimal(str(call["cost_usd"])) == Decimal("0.0003455")
    assert call["cost_source"] == "config"
    assert call["status"] == "ok"


def test_proposal_then_challenge_sums_up(box: Sandbox) -> None:
    with_proposal(box)
    challenge = {"change/CHALLENGE.md": "## Verdict\n- [x] NEEDS_REVISION\n"}
    box.answer("challenge", "codex/0.169.0/model_json", challenge)
    out = box.ok("challenge", "add-x", "--model", "gpt-5")
    assert "verdict: NEEDS_REVISION" in out
    assert "next: agentd run add-x" in out
    block = box.telemetry("add-x")
    # gemini: 111 * 1 + 1000 * 0.1 + 80 * 8 = 851; codex: 111 * 2 + 1000 * 0.2 + 77 * 10 = 1192
    assert [call["cost_usd"] for call in block["calls"]] == [0.000851, 0.001192]
    assert block["total_cost_usd"] == 0.002043
    text = box.ok("status", "add-x")
    assert "\nTotal Cost: $0.0020\n" in text
    assert "\nTokens: In: 2222, Out: 157\n" in text


def test_model_without_a_price_costs_nothing_and_is_counted(box: Sandbox) -> None:
    with_proposal(box)
    box.answer("challenge", "codex/0.169.0/model_json", {"change/CHALLENGE.md": "x"})
    box.ok("challenge", "add-x", "--model", "my-own-model")
    call = box.telemetry("add-x")["calls"][1]
    assert (call["model"], call["cost_usd"], call["cost_source"]) == ("my-own-model", 0.0, "none")
    assert (call["tokens_in"], call["tokens_out"]) == (1111, 77)
    assert json.loads(box.ok("status", "--json"))["unpriced"] == 1
    assert "unpriced: 1" in box.ok("status", "add-x")


def test_two_models_in_one_call_are_priced_apart(box: Sandbox) -> None:
    with_proposal(box)
    set_phase(box, "challenged")
    implemented = {"change/IMPLEMENTATION.md": "# Implementation\n", "login.py": "pass\n"}
    box.answer("implementation", "claude/2.1.330/subagent_stream_json_partial", implemented)
    box.ok("implement", "add-x")
    call = box.telemetry("add-x")["calls"][1]
    assert call["model"] == "claude-opus-5-5"
    assert call["cost_source"] == "reported"
    assert Decimal(str(call["cost_usd"])) == Decimal("0.006127585")
    assert [(m["model"], m["tokens_in"], m["cost_usd"]) for m in call["models"]] == [
        ("claude-opus-5-5", 7801, 0.0060476),
        ("claude-haiku-5-5", 3339, 0.000079985),
    ]


@pytest.mark.parametrize(
    ("step", "command", "recorded", "tokens"),
    [
        ("review", "review", "claude/2.1.330/err_mid_500_stream_json", 1121),
        ("review", "review", "gemini/0.61.0/max_turns_stream_json", 1111),
    ],
)
def test_failed_step_exits_4_and_is_recorded(
    box: Sandbox, step: str, command: str, recorded: str, tokens: int
) -> None:
    with_proposal(box)
    (box.change("add-x") / "IMPLEMENTATION.md").write_text("x")
    set_phase(box, "implementing")
    box.answer(step, recorded, exit=1)
    done = box.run(command, "add-x", "--provider", recorded.split("/", maxsplit=1)[0])
    assert done.returncode == 4
    assert f"failed in step {step} (" in done.stderr
    assert ", exit code 1)" in done.stderr
    call = box.telemetry("add-x")["calls"][1]
    assert (call["step"], call["status"], call["tokens_in"]) == (step, "failed", tokens)
    assert json.loads(box.ok("status", "--json"))["failed"] == 1


def test_success_with_a_bad_exit_code_is_not_paid_again(box: Sandbox) -> None:
    """claude ends with 1 where an MCP server wanted a login; what it wrote is there."""
    set_values(box.root / "agentd/config.toml", [("workflow.script_retries", "3")])
    with_proposal(box)
    files = {"change/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"}
    box.answer("challenge", "claude/2.1.330/tool_stream_json_partial", files, exit=1)
    done = box.run("challenge", "add-x", "--provider", "claude")
    assert done.returncode == 0, done.stderr
    assert "challenge: claude reported success, but exit code 1" in done.stderr
    box.answer("challenge", "claude/2.1.330/tool_stream_json_partial", {}, exit=1)
    done = box.run("challenge", "add-x", "--provider", "claude")
    assert done.returncode == 4
    assert "reported success, but exit code 1" in done.stderr
    assert "ended step challenge without writing CHALLENGE.md" in done.stderr
    calls = [call["step"] for call in box.telemetry("add-x")["calls"]]
    assert calls == ["proposal", "challenge", "challenge"]


def test_step_that_wrote_nothing_exits_4_and_says_so(box: Sandbox) -> None:
    box.answer("proposal", "gemini/0.61.0/model_stream_json")
    done = box.run("proposal", "add-x", "Add x")
    assert done.returncode == 4
    assert "without writing proposal.md, tasks.md, specs" in done.stderr
    assert len(box.telemetry("add-x")["calls"]) == 1
    assert "Next: agentd run add-x\n" in box.ok("status")


def test_missing_command_says_where_it_is_configured(box: Sandbox) -> None:
    (box.root.parent / "gemini").unlink()
    done = box.run("proposal", "add-x", "Add x", "--provider", "gemini")
    assert done.returncode == 4
    assert "[gemini] command" in done.stderr
    assert box.telemetry("add-x") is None or not box.telemetry("add-x")["calls"]


STREAM = "gemini/0.61.0/model_stream_json"
MAIN = """# Login

## Purpose
Let users in.

## Requirements

### Requirement: Greet
The system SHALL greet.

#### Scenario: hello
- **WHEN** a user is in
- **THEN** it says hello
"""


def archived(box: Sandbox, verdict: str) -> subprocess.CompletedProcess[str]:
    """Archive a change that adds a requirement to a spec that is there already."""
    with_proposal(box)
    (box.root / "agentd/specs/login.md").write_text(MAIN)
    set_phase(box, "complete")
    entry = "# Changelog\n\n## 2026-11-22 add-x\n\nUsers log in.\n"
    box.answer("archive", STREAM, {"change/merged/CHANGELOG.md": entry})
    review = {"change/ARCHIVE_REVIEW.md": f"## Verdict\n- [x] {verdict}\n"}
    box.answer("archive-review", "codex/0.169.0/model_json", review)
    return box.run("archive", "add-x")


def test_archive_merges_by_rule_reviews_and_moves(box: Sandbox) -> None:
    done = archived(box, "APPROVED")
    assert done.returncode == 0, done.stderr
    (folder,) = (box.root / "agentd/archive").iterdir()
    assert folder.name.endswith("-add-x")
    assert not box.change("add-x").exists()
    state = yaml.safe_load((folder / "STATE.yaml").read_text())
    steps = [call["step"] for call in state["telemetry"]["calls"]]
    assert steps == ["proposal", "archive", "archive-review"]
    assert state["phase"] == "archived"
    merged = (box.root / "agentd/specs/login.md").read_text()
    assert merged.startswith(MAIN.rstrip())
    assert "### Requirement: Log in by name" in merged
    changelog = (box.root / "agentd/specs/CHANGELOG.md").read_text()
    assert "## 2026-11-22 add-x\n\nUsers log in.\n" in changelog
    assert "archived" in box.ok("status")
    assert "add-x" in box.ok("list")
    assert box.run("review", "add-x").returncode == 1


@pytest.mark.parametrize("verdict", ["NEEDS_FIX", "REJECTED"])
def test_archive_that_is_not_approved_leaves_the_specs_and_exits_5(
    box: Sandbox, verdict: str
) -> None:
    box.answer(
        "archive-fix", STREAM, {"change/merged/CHANGELOG.md": "# Changelog\n\n## add-x\nb\n"}
    )
    done = archived(box, verdict)
    assert done.returncode == 5
    assert verdict in done.stderr
    assert box.change("add-x").is_dir()
    assert (box.root / "agentd/specs/login.md").read_text() == MAIN
    assert not (box.root / "agentd/specs/CHANGELOG.md").exists()


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (["challenge", "../x"], 1, "is no change id"),
        (["status", "../../etc"], 1, "is no change id"),
        (["challenge", "nope"], 1, "there is no change nope"),
        (["proposal", "add-x", "  "], 1, "the description of the change is empty"),
        (["proposal", "add-x"], 2, "Missing argument"),
        (["frobnicate"], 2, "No such command"),
        (["fillback", "add-x", "--path", "../.."], 1, "is not in the project"),
        (["proposal", "add-x", "d", "--provider", "gpt"], 1, "no provider gpt"),
    ],
)
def test_wrong_use_is_told(
    box: Sandbox, arguments: list[str], exit_code: int, message: str
) -> None:
    done = box.run(*arguments)
    assert done.returncode == exit_code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(box.root.parent.glob("*/agentd/changes/*/runs/2*"))


def test_errors_are_one_json_document_when_json_is_asked_for(box: Sandbox) -> None:
    for arguments, code in ((["status", "nope", "--json"], 1), (["status", "--what", "--json"], 2)):
        done = box.run(*arguments)
        assert done.returncode == code
        assert set(json.loads(done.stdout)["error"]) == {"code", "message", "fix"}


def test_command_in_a_wrong_phase_names_the_next_one(box: Sandbox) -> None:
    with_proposal(box)
    done = box.run("review", "add-x")
    assert done.returncode == 1
    assert "is in phase proposed" in done.stderr
    assert "Next: agentd run add-x" in done.stderr


def test_ctrl_c_is_recorded_as_cancelled_and_exits_130(box: Sandbox) -> None:
    box.answer("proposal", "gemini/0.61.0/model_stream_json", PROPOSAL, sleep_s=30)
    process = subprocess.Popen(
        [sys.executable, "-m", "agentd", "proposal", "add-x", "Add x"],
        cwd=box.root,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 20
    while not (box.root.parent / "argv.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 130, stderr
    (call,) = box.telemetry("add-x")["calls"]
    assert call["status"] == "cancelled"


def test_a_ledger_that_the_agent_broke_comes_back_and_takes_the_call(box: Sandbox) -> None:
    with_proposal(box)
    state = box.change("add-x") / "STATE.yaml"
    broken = state.read_text().replace("phase:", "<<<<<<< HEAD\nphase:")
    files = {"change/CHALLENGE.md": "x", "change/STATE.yaml": broken}
    box.answer("challenge", "codex/0.169.0/model_json", files)
    done = box.run("challenge", "add-x", "--model", "gpt-5")
    assert done.returncode == 4
    assert "may not touch: agentd/changes/add-x/STATE.yaml" in done.stderr
    (kept,) = box.change("add-x").glob("runs/*/forbidden/**/STATE.yaml")
    assert kept.read_text() == broken
    for _ in range(2):
        box.ok("status", "add-x")
        steps = [call["step"] for call in box.telemetry("add-x")["calls"]]
        assert steps == ["proposal", "challenge"]


def test_run_of_a_killed_agentd_is_entered_once_by_the_next_command(box: Sandbox) -> None:
    with_proposal(box)
    (box.root.parent / "argv.txt").unlink()
    challenge = {"change/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"}
    box.answer("challenge", "codex/0.169.0/model_json", challenge, sleep_s=1.0)
    process = subprocess.Popen(
        [sys.executable, "-m", "agentd", "challenge", "add-x", "--model", "gpt-5"],
        cwd=box.root,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 20
    while not (box.root.parent / "argv.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert len(box.telemetry("add-x")["calls"]) == 1
    while not (box.change("add-x") / "CHALLENGE.md").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)  # the stand-in prints after it has written
    for _ in range(2):
        box.ok("status", "add-x")
        calls = box.telemetry("add-x")["calls"]
        assert [(c["step"], c["status"]) for c in calls[1:]] == [("challenge", "ok")]
        assert (calls[1]["tokens_in"], calls[1]["cost_usd"]) == (1111, 0.001192)


def test_resumed_codex_session_is_counted_once(box: Sandbox) -> None:
    with_proposal(box)
    files = {"change/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"}
    box.answer("challenge", "codex/0.169.0/session_first_json", files)
    box.ok("challenge", "add-x", "--model", "gpt-5")
    session = box.telemetry("add-x")["calls"][1]["session_id"]
    box.answer("challenge", "codex/0.169.0/session_resume_json", files)
    box.ok("challenge", "add-x", "--model", "gpt-5", "--session", session)
    assert f"resume\n{session}\n-" in (box.root.parent / "argv.txt").read_text()
    call = box.telemetry("add-x")["calls"][2]
    assert (call["tokens_in"], call["tokens_out"], call["tokens_cache_read"]) == (4441, 93, 4001)


@pytest.mark.parametrize(
    ("phase", "gone", "step", "told"),
    [
        ("challenged", "tasks.md", "implement", "Restore it from a copy of yours, or begin"),
        ("implementing", "proposal.md", "review", "begin anew: agentd delete add-x"),
        ("implementing", "IMPLEMENTATION.md", "review", "first: agentd implement add-x\n"),
        ("proposed", "CHALLENGE.md", "reproposal", "first: agentd challenge add-x\n"),
        ("proposed", "tasks.md", "challenge", 'first: agentd proposal add-x "DESCRIPTION"\n'),
    ],
)
def test_what_is_missing_is_written_by_a_step_or_restored(
    tmp_path: Path, phase: str, gone: str, step: str, told: str
) -> None:
    box = box_with(tmp_path)
    change = put_change(box, "add-x", phase, {"IMPLEMENTATION.md": "# I\n"})
    (change / gone).unlink(missing_ok=True)
    done = box.run(step, "add-x")
    assert (done.returncode, told in done.stderr) == (1, True), done.stderr
    assert not (box.root.parent / "began.log").exists()
