"""`agentd cost audit` and the folders of runs: read once more, and those of no ledger."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest
from support.audit_box import (
    ANSWERS,
    CONFIG,
    box,
    found,
    look,
    made,
    noted,
    of_check,
    tamper,
    tree,
)
from support.changes import change_at
from support.recordings import FIXTURES, RECORDINGS, recording
from support.run_samples import run_info
from support.slices import SLICE, SLICES
from support.workspace import PROPOSAL, Sandbox, make_sandbox

from agentd.ledger.store import StateStore
from agentd.metering.call import CallRecord
from agentd.runner.run_folder import RunFolder
from agentd.workflow.earlier_runs import settle_interrupted_runs

__all__ = ["box", "made"]

STARTED = datetime.fromisoformat("2026-10-01T12:00:00.5+00:00")


def put_run(
    change: Path,
    call_id: str,
    provider: str,
    stdout: bytes,
    *,
    started_at: datetime = STARTED,
    resumed: str | None = None,
) -> RunFolder:
    """A run as an agentd leaves it that is killed when the CLI has ended."""
    folder = RunFolder.create(change / "runs", call_id)
    info = run_info(
        provider,
        call_id=call_id,
        step="challenge",
        cwd=str(change),
        resume_session_id=resumed,
        started_at=started_at,
        agentd_token="gone",
    )
    folder.write_info(info)
    folder.stdout.write_bytes(stdout)
    folder.prompt.write_text("Challenge it.")
    (folder.path / "lock").touch()
    return folder


def enter(box: Sandbox, change: Path) -> None:
    """Record what was left, as the next command does."""
    settle_interrupted_runs(change_at(change))


def new_change(box: Sandbox, name: str) -> Path:
    StateStore(box.change(name)).create(name)
    return box.change(name)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A project without calls; session logs are looked up below tmp_path."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CODEX_HOME", raising=False)
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    return make_sandbox(tmp_path, CONFIG)


@pytest.mark.reliability
def test_every_recorded_run_of_every_version_is_right(empty: Sandbox) -> None:
    """What agentd makes of a CLI's output, the audit makes of it too."""
    change = new_change(empty, "all")
    recordings = RECORDINGS[SLICE::SLICES]
    for number, recorded in enumerate(recordings):
        stdout = (recorded.folder / "stdout").read_bytes()
        started = STARTED.replace(minute=number // 60, second=number % 60)
        put_run(change, f"r{number:03}", recorded.cli, stdout, started_at=started)
    enter(empty, change)
    done = look(empty)
    assert done.calls == len(recordings) > 50
    assert done.differences == ()
    assert not [f for f in done.notes if f.problem.check not in ("price", "reported")]


@pytest.mark.parametrize("provider", ["codex", "claude"])
def test_resumed_sessions_whose_output_counts_earlier_runs(empty: Sandbox, provider: str) -> None:
    first, second = {
        "codex": ("codex/0.169.0/session_first_json", "codex/0.169.0/session_resume_json"),
        "claude": ("claude/2.0.45/session_first_json", "claude/2.0.45/session_resume_json"),
    }[provider]
    change = new_change(empty, "resumed")
    put_run(change, "a", provider, recording(first).stdout.encode())
    enter(empty, change)
    (call,) = StateStore(change).read().calls
    later = STARTED.replace(hour=13)
    stdout = recording(second).stdout.encode()
    put_run(change, "b", provider, stdout, started_at=later, resumed=call.session_id)
    enter(empty, change)
    assert look(empty).differences == ()
    _, resumed = StateStore(change).read().calls
    tamper(change / "STATE.yaml", f"tokens_out: {resumed.usage.output_tokens}\n", "tokens_out: 1\n")
    assert "tokens" in [check for check, _ in found(look(empty))]


def put_logged(empty: Sandbox, case: str, *events: dict[str, object]) -> CallRecord:
    """A change ``logged`` with a run of codex that has this session log, and printed ``events``."""
    folder = FIXTURES / "session_logs/codex/0.169.0" / case
    shutil.copytree(folder / "home", empty.root.parent, dirs_exist_ok=True)
    told = json.loads((folder / "expected.json").read_text())
    change = new_change(empty, "logged")
    first = {"type": "thread.started", "thread_id": told["session_id"]}
    stdout = "".join(f"{json.dumps(event)}\n" for event in (first, *events)).encode()
    started_at = datetime.fromisoformat(told["started_at"])
    put_run(change, "a", "codex", stdout, started_at=started_at)
    enter(empty, change)
    (call,) = StateStore(change).read().calls
    return call


def test_a_run_whose_tokens_stand_in_a_session_log_alone(empty: Sandbox) -> None:
    call = put_logged(empty, "sigkill_in_tool")
    assert (call.usage_source, call.usage.input_tokens) == ("session_log", 6203)
    assert look(empty).differences == ()
    tamper(empty.change("logged") / "STATE.yaml", "tokens_in: 6203\n", "tokens_in: 999\n")
    assert ("changed", "logged") in found(look(empty))


def test_token_parts_of_a_session_log_that_is_gone(empty: Sandbox) -> None:
    """stdout told the sums only: what was read from a cache stood in the log."""
    used = {"input_tokens": 3007, "output_tokens": 101}
    call = put_logged(empty, "plain", {"type": "turn.completed", "usage": used})
    assert (call.usage_source, call.usage.cache_read_input_tokens) == ("stdout", 1003)
    done = look(empty)
    assert (done.differences, done.notes) == ((), ())
    (empty.root.parent / ".codex").rename(empty.root.parent / "away")
    done = look(empty)
    assert (found(done), noted(done)) == ([], [("tokens", "logged")])
    (empty.root.parent / "away").rename(empty.root.parent / ".codex")
    state = empty.change("logged") / "STATE.yaml"
    tamper(state, "tokens_cache_read: 1003\n", "tokens_cache_read: 1002\n")
    assert ("tokens", "logged") in found(look(empty))


def test_a_session_log_that_has_grown_since(empty: Sandbox) -> None:
    """The session was resumed: its log tells more than this run used, and proves nothing."""
    used = {"input_tokens": 3007, "output_tokens": 101}
    call = put_logged(empty, "plain", {"type": "turn.completed", "usage": used})
    (log,) = empty.root.parent.glob(".codex/**/rollout-*.jsonl")
    (longer,) = FIXTURES.glob("session_logs/codex/0.169.0/sigkill_in_tool/**/rollout-*.jsonl")
    log.write_text(longer.read_text().replace(longer.stem[-36:], call.session_id or ""))
    done = look(empty)
    assert (found(done), noted(done)) == ([], [("tokens", "logged")])


def test_what_claude_itself_reported_is_noted(empty: Sandbox) -> None:
    """Prices of one's own may differ from claude's list price for good reason."""
    with (empty.root / "agentd/config.toml").open("a") as config:
        config.write("[pricing.models]\nopus = {cost_per_1m_input = 1, cost_per_1m_output = 1}\n")
        config.write("haiku = {cost_per_1m_input = 1, cost_per_1m_output = 1}\n")
    change = new_change(empty, "by-claude")
    put_run(change, "a", "claude", recording(ANSWERS["claude"]).stdout.encode())
    enter(empty, change)
    done = look(empty)
    assert (found(done), noted(done)) == ([], [("reported", "by-claude")])
    problem = done.notes[0].problem
    assert (problem.recorded, problem.expected) == (Decimal("0.011196"), Decimal("0.006127585"))
    assert "claude itself reported $0.006127585" in problem.message


def test_less_than_a_cut_run_had_shown(empty: Sandbox) -> None:
    change = new_change(empty, "cut")
    cut = recording("claude/2.1.330/sigterm_stream_json_partial")
    put_run(change, "a", "claude", cut.stdout.encode())
    enter(empty, change)
    (call,) = StateStore(change).read().calls
    assert call.usage_source == "partial"
    assert look(empty).differences == ()
    tokens_in = call.usage.input_tokens
    tamper(change / "STATE.yaml", f"tokens_in: {tokens_in}\n", "tokens_in: 1\n", count=-1)
    assert "tokens" in [check for check, _ in found(look(empty))]


def test_tokens_that_moved_from_one_model_to_the_other(box: Sandbox) -> None:
    state = box.change("by-claude") / "STATE.yaml"
    tamper(state, "      tokens_out: 39\n", "      tokens_out: 38\n")
    tamper(state, "      tokens_out: 17\n", "      tokens_out: 18\n")
    assert found(look(box)) == [("tokens", "by-claude"), ("changed", "by-claude")]
    assert "its models used other tokens" in of_check(look(box), "tokens").problem.message


def test_long_requests_that_the_run_shows(empty: Sandbox) -> None:
    """Request by request, where stdout has them: the sum of the tokens does not say it."""
    stdout = _two_requests(150_000, 250_000)
    tamper(empty.root / "agentd/config.toml", '["config", "reported", "catalog"]', '["catalog"]')
    change = new_change(empty, "long")
    put_run(change, "a", "claude", stdout, started_at=datetime.fromisoformat("2025-10-01T12:00Z"))
    enter(empty, change)
    (call,) = StateStore(change).read().calls
    assert call.cost_usd == Decimal("1.95")  # 150k at 3.00, 250k at 6.00 per million
    assert (look(empty).differences, look(empty).notes) == ((), ())
    tamper(change / "STATE.yaml", "    cost_usd: 1.95\n", "    cost_usd: 1.2\n")
    problem = of_check(look(empty), "price").problem
    assert (problem.expected, problem.is_note) == (Decimal("1.95"), False)
    tamper(change / "STATE.yaml", "    cost_usd: 1.2\n", "    cost_usd: 1.5\n")
    assert of_check(look(empty), "price").problem.expected == Decimal("1.95")
    shutil.rmtree(change / "runs")
    assert of_check(look(empty), "price").problem.is_note  # 1.2 to 2.4 are possible


def _two_requests(*inputs: int) -> bytes:
    model = "claude-sonnet-4-5-20250929"
    events: list[dict[str, object]] = [
        {"type": "system", "subtype": "init", "model": model, "session_id": "s"}
    ]
    events += [
        {
            "type": "assistant",
            "message": {
                "id": f"m{number}",
                "model": model,
                "usage": {"input_tokens": count, "output_tokens": 0},
            },
        }
        for number, count in enumerate(inputs)
    ]
    used = {"inputTokens": sum(inputs), "outputTokens": 0}
    events.append(
        {"type": "result", "subtype": "success", "result": "ok", "modelUsage": {model: used}}
    )
    return "".join(f"{json.dumps(event)}\n" for event in events).encode()


def test_a_run_that_was_never_recorded(empty: Sandbox) -> None:
    change = new_change(empty, "killed")
    put_run(change, "a", "gemini", recording(ANSWERS["gemini"]).stdout.encode())
    before = tree(empty.root)
    done = look(empty)
    assert found(done) == [("missing", "killed")]
    assert "was never recorded" in done.differences[0].problem.message
    assert (done.differences[0].call_id, done.differences[0].number) == ("a", None)
    assert tree(empty.root) == before
    assert "`agentd status killed` enters it" in done.differences[0].problem.fix
    empty.ok("status", "killed")
    assert (look(empty).calls, look(empty).differences) == (1, ())


def test_a_call_that_waits_for_a_ledger_to_be_mended(box: Sandbox) -> None:
    store = StateStore(box.change("by-gemini"))
    (call,) = store.read().calls
    path = store.keep(replace(call, id="waits"))
    done = look(box)
    assert found(done) == [("missing", "by-gemini")]
    assert done.off_usd() == (0, call.cost_usd)
    path.write_text("{")
    assert "call.pending.json is damaged" in look(box).differences[0].problem.message


def test_a_call_that_was_taken_out_of_its_ledger(box: Sandbox) -> None:
    change = box.change("by-gemini")
    (call,) = StateStore(change).read().calls
    (change / "STATE.yaml").unlink()
    done = look(box)
    assert found(done) == [("missing", "by-gemini")]
    assert "was in the ledger once" in done.differences[0].problem.message
    assert (done.differences[0].call_id, done.off_usd()) == (call.id, (0, call.cost_usd))


def test_output_that_nobody_can_read(empty: Sandbox) -> None:
    change = new_change(empty, "damaged")
    folder = put_run(change, "a", "gemini", b"x\n")
    folder.run_json.write_text("{")
    assert "run.json: damaged" in look(empty).differences[0].problem.message
    folder.run_json.unlink()
    assert "run.json, which says what it was, is gone" in look(empty).differences[0].problem.message
    folder.stdout.write_bytes(b"")
    assert look(empty).differences == ()  # it never began


def test_damaged_run_json_of_a_recorded_call(box: Sandbox) -> None:
    for path in (box.change("by-gemini") / "runs").glob("*/run.json"):
        path.write_text("{")
    assert look(box).differences == ()


def test_a_run_that_goes_on_now_is_no_difference(empty: Sandbox) -> None:
    started = empty.root.parent / "argv.txt"
    empty.answer("proposal", ANSWERS["gemini"], PROPOSAL, sleep_s=60)
    process = subprocess.Popen(
        [sys.executable, "-m", "agentd", "proposal", "now", "x", "--provider", "gemini"],
        cwd=empty.root,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while not started.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert look(empty).differences == ()
        assert empty.run("cost", "audit").returncode == 0
        process.kill()  # its CLI lives on
        process.wait()
        done = look(empty)
        assert found(done) == [("missing", "now")]
        assert "its CLI still works" in done.differences[0].problem.message
    finally:
        process.kill()
        process.wait()
        for folder in map(RunFolder, (empty.change("now") / "runs").glob("2*")):
            pid = folder.info().cli_pid
            if pid is not None:
                os.killpg(pid, 9)
