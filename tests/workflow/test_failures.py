"""Runs that fail, over the command line: what is tried again, elsewhere, later, or not at all."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.recordings import recording
from support.workflow_box import STREAM, box_with, calls_of, put_change, put_plan, state_of
from support.workspace import STANDIN_CLI, Sandbox

CHALLENGE = {"change/CHALLENGE.md": "## Verdict\n- [x] APPROVED\n"}
G = "gemini/0.61.0"
C = "claude/2.1.330"
GOOD = {
    "gemini": STREAM,
    "claude": f"{C}/tool_stream_json_partial",
    "codex": "codex/0.169.0/model_json",
}


def failing_box(
    folder: Path, *providers: str, retries: int = 2, fallback: tuple[str, ...] = ()
) -> Sandbox:
    """A change to challenge, and a stand-in for each provider with a plan of its own."""
    box = box_with(folder, workflow=f"fallback = {json.dumps(fallback)}", providers=providers)
    config = box.root / "agentd/config.toml"
    config.write_text(
        config.read_text().replace("script_retries = 0", f"script_retries = {retries}")
    )
    stand_in = STANDIN_CLI.read_text()
    for provider in providers:
        script = folder / f"standin_{provider}.py"
        script.write_text(
            stand_in.replace("[step]", f'["{provider}"]', 1)
            .replace("../argv.txt", f"../argv.{provider}.txt")
            .replace(".rounds", f".{provider}.rounds")
            .replace('if rounds is not None and not plan.get("exit")', "if rounds is not None")
        )
        path = folder / provider
        path.write_text(path.read_text().replace(str(STANDIN_CLI), str(script)))
    put_change(box, "add-x", "proposed")
    return box


def rounds(box: Sandbox, provider: str, *paths: str) -> None:
    """This provider's answers, one after another: recordings of failures, or "good"."""
    plans = []
    for path in paths:
        good = path == "good"
        name = GOOD[provider] if good else path
        stdout = name if name.startswith("/") else str(recording(name).folder / "stdout")
        plans.append(
            {"stdout": stdout, "files": CHALLENGE if good else {}, "exit": 0 if good else 1}
        )
    box.plan[provider] = plans
    box.write_plan()


def by_provider(box: Sandbox) -> list[tuple[str, str]]:
    calls = state_of(box, "add-x")["telemetry"]["calls"]
    return [(call["provider"], call["status"]) for call in calls]


def limited_until(box: Sandbox, moment: datetime) -> str:
    """claude's stream of a plan's limit that is lifted at ``moment``."""
    text = recording(f"{C}/usage_limit_stream_json").stdout
    old = json.loads(next(line for line in text.splitlines() if "resetsAt" in line))
    told = str(old["rate_limit_info"]["resetsAt"])
    path = box.root.parent / "limited.jsonl"
    path.write_text(text.replace(told, str(int(moment.timestamp()))))
    return str(path)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        (f"{C}/err529_stream_json", "overloaded"),
        (f"{C}/connection_refused_stream_json", "network"),
        (f"{C}/err429_stream_json", "rate_limit"),
    ],
)
def test_what_passes_later_is_tried_again_and_each_attempt_is_in_the_ledger(
    tmp_path: Path, path: str, reason: str
) -> None:
    box = failing_box(tmp_path, "claude")
    rounds(box, "claude", path, path, "good")
    done = box.run("challenge", "add-x")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(f"challenge: {reason}; trying again") == 2
    assert calls_of(box, "add-x") == [("challenge", s) for s in ("failed", "failed", "ok")]
    assert state_of(box, "add-x")["phase"] == "challenged"


def test_retries_are_bounded(tmp_path: Path) -> None:
    box = failing_box(tmp_path, "claude", retries=1)
    rounds(box, "claude", f"{C}/err529_stream_json")
    done = box.run("challenge", "add-x")
    assert done.returncode == 4
    assert "overloaded" in done.stderr
    assert by_provider(box) == [("claude", "failed")] * 2
    assert state_of(box, "add-x")["phase"] == "proposed"


@pytest.mark.parametrize(
    ("path", "reason", "advice"),
    [
        (f"{C}/err401_stream_json", "auth", "Log in"),
        (f"{C}/no_credit_stream_json", "auth", "Log in"),
        (f"{C}/err400_json", "refused", "refused again"),
        (f"{C}/max_budget_json", "budget", "limit"),
    ],
)
def test_what_does_not_pass_is_tried_once(
    tmp_path: Path, path: str, reason: str, advice: str
) -> None:
    box = failing_box(tmp_path, "claude")
    rounds(box, "claude", path, "good")
    done = box.run("challenge", "add-x")
    assert done.returncode == 4, done.stdout + done.stderr
    assert f"({reason}, exit code 1)" in done.stderr
    assert advice in done.stderr
    assert by_provider(box) == [("claude", "failed")]


def test_rate_limit_that_resets_soon_is_waited_for(tmp_path: Path) -> None:
    box = failing_box(tmp_path, "claude")
    rounds(box, "claude", limited_until(box, datetime.now(UTC) - timedelta(seconds=3)), "good")
    done = box.run("challenge", "add-x")
    assert done.returncode == 0, done.stderr
    assert "rate_limit; trying again in" in done.stderr
    assert by_provider(box) == [("claude", "failed"), ("claude", "ok")]


def test_rate_limit_that_resets_late_is_told_and_not_waited_for(tmp_path: Path) -> None:
    box = failing_box(tmp_path, "claude")
    late = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=3)
    rounds(box, "claude", limited_until(box, late), "good")
    started = time.monotonic()
    done = box.run("challenge", "add-x")
    assert time.monotonic() - started < 30
    assert done.returncode == 4
    assert f"{late:%Y-%m-%dT%H:%M:%SZ}" in done.stderr
    assert "--wait" in done.stderr
    assert by_provider(box) == [("claude", "failed")]


def test_wait_sleeps_until_a_late_reset(tmp_path: Path) -> None:
    """Only that it sleeps: the reset is hours away, and Ctrl-C ends it."""
    import signal
    import subprocess
    import sys

    box = failing_box(tmp_path, "claude")
    rounds(box, "claude", limited_until(box, datetime.now(UTC) + timedelta(hours=3)), "good")
    process = subprocess.Popen(
        [sys.executable, "-m", "agentd", "plan", "add-x", "--wait"],
        cwd=box.root,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "waiting until the rate limit is lifted" in line:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
    assert by_provider(box) == [("claude", "failed")]


def test_fallback_in_its_order_and_the_one_that_answered_is_credited(tmp_path: Path) -> None:
    box = failing_box(tmp_path, "claude", "gemini", "codex", fallback=("gemini", "codex"))
    rounds(box, "codex", "codex/0.169.0/err401_json")
    rounds(box, "gemini", f"{G}/bad_key_stream_json")
    rounds(box, "claude", "good")
    done = box.run("challenge", "add-x", "--provider", "codex")
    assert done.returncode == 4, done.stdout + done.stderr
    assert by_provider(box) == [("codex", "failed"), ("gemini", "failed")]
    config = box.root / "agentd/config.toml"
    config.write_text(config.read_text().replace('["gemini", "codex"]', '["gemini", "claude"]'))
    box.ok("challenge", "add-x", "--provider", "codex")
    assert by_provider(box)[2:] == [("codex", "failed"), ("gemini", "failed"), ("claude", "ok")]
    assert state_of(box, "add-x")["telemetry"]["calls"][-1]["model"].startswith("claude-")


def test_late_rate_limit_goes_to_the_fallback_at_once(tmp_path: Path) -> None:
    box = failing_box(tmp_path, "claude", "gemini", fallback=("gemini",))
    rounds(box, "claude", limited_until(box, datetime.now(UTC) + timedelta(hours=3)))
    rounds(box, "gemini", "good")
    box.ok("challenge", "add-x", "--provider", "claude")
    assert by_provider(box) == [("claude", "failed"), ("gemini", "ok")]


def test_budget_of_the_provider_does_not_go_to_the_fallback(tmp_path: Path) -> None:
    box = failing_box(tmp_path, "claude", "gemini", fallback=("gemini",))
    rounds(box, "claude", f"{C}/max_budget_json")
    rounds(box, "gemini", "good")
    assert box.run("challenge", "add-x", "--provider", "claude").returncode == 4
    assert by_provider(box) == [("claude", "failed")]


def test_unknown_session_begins_a_fresh_one(tmp_path: Path) -> None:
    box = failing_box(tmp_path, "claude", retries=0)
    rounds(box, "claude", f"{C}/unknown_session_stream_json", "good")
    done = box.run("challenge", "add-x", "--session", "5c046f91-82fb-44d5-a210-2da35c9fd7f6")
    assert done.returncode == 0, done.stderr
    assert "unknown_session; beginning a new session" in done.stderr
    assert "--resume" not in (tmp_path / "argv.claude.txt").read_text()
    assert by_provider(box) == [("claude", "failed"), ("claude", "ok")]


def test_timeout_is_not_tried_again(tmp_path: Path) -> None:
    box = failing_box(tmp_path, "claude")
    config = box.root / "agentd/config.toml"
    config.write_text(config.read_text().replace("timeout_secs = 30", "timeout_secs = 1"))
    rounds(box, "claude", "good")
    box.plan["claude"][0]["sleep_s"] = 30
    box.write_plan()
    done = box.run("challenge", "add-x")
    assert done.returncode == 4
    assert "step_timeout_secs" in done.stderr
    assert by_provider(box) == [("claude", "timeout")]


def test_loop_goes_on_after_a_failure_without_repeating_what_was_paid(tmp_path: Path) -> None:
    box = failing_box(tmp_path, "claude", retries=0)
    rounds(box, "claude", f"{C}/err529_stream_json", "good")
    assert box.run("plan", "add-x").returncode == 4
    box.ok("plan", "add-x")
    box.ok("plan", "add-x")
    assert by_provider(box) == [("claude", "failed"), ("claude", "ok")]


@pytest.mark.parametrize(
    ("text", "is_error", "told"),
    [
        ("API Error: Rate limit reached", True, "API Error: Rate limit reached"),
        ("API Error: 401 invalid x-api-key", False, "without writing CHALLENGE.md"),
    ],
)
def test_an_error_of_the_api_that_is_told_as_success_with_exit_0(
    tmp_path: Path, text: str, is_error: bool, told: str
) -> None:
    box = failing_box(tmp_path, "claude", retries=0)
    usage = {"input_tokens": 0, "output_tokens": 0}
    result = {"type": "result", "subtype": "success", "is_error": is_error, "result": text}
    lines = [
        {"type": "system", "subtype": "init", "session_id": "s", "model": "claude-opus-5-5"},
        {**result, "session_id": "s", "num_turns": 1, "usage": usage, "modelUsage": {}},
    ]
    said = tmp_path / "said"
    said.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    put_plan(box, "claude", stdout=str(said), files={})
    done = box.run("challenge", "add-x")
    assert done.returncode == 4
    assert told in done.stderr
    assert state_of(box, "add-x")["phase"] == "proposed"
