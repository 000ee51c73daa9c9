"""Calls that are not exact are read once more, and corrected when their log has more."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.command import agentd
from support.hand_sessions import SESSION, claude_line, claude_log, root, run_of

from agentd.ledger.store import StateStore
from agentd.metering.call import CallRecord
from agentd.project.change import Change
from agentd.project.hold import at_work
from agentd.project.layout import Project
from agentd.runner.process import start_token

__all__ = ["root"]  # the fixture
PARTIAL = replace(
    run_of("c1"),
    status="interrupted",
    accuracy="heuristic",
    why="it told nothing of its usage",
    usage_source="estimated",
)


@pytest.fixture
def store(root: Path) -> StateStore:
    store = StateStore(root / "agentd" / "changes" / "add-oauth")
    store.create("add-oauth")
    return store


def run_with_folder(store: StateStore, call: CallRecord, process: int | None = None) -> None:
    """A run of claude that is entered, and has told nothing; ``process`` is its CLI's."""
    run_dir = store.runs_dir / call.id
    run_dir.mkdir(parents=True, mode=0o700)
    info = {
        "call_id": call.id,
        "step": call.step,
        "provider": "claude",
        "requested_model": None,
        "argv": ["claude"],
        "cwd": str(store.change_dir.parents[2]),
        "resume_session_id": None,
        "started_at": "2026-11-20T09:59:57+00:00",
        "agentd_pid": 1,
        "agentd_token": None,
        "cli_pid": process,
        "cli_token": process and start_token(process),
    }
    (run_dir / "run.json").write_text(json.dumps(info))
    init = {"type": "system", "subtype": "init", "session_id": SESSION, "model": "claude-opus-5-5"}
    (run_dir / "stdout").write_text(json.dumps(init) + "\n")
    (run_dir / "stderr").write_text("")
    (run_dir / "prompt").write_text("do it " * 1000)  # an estimate says nothing new
    store.keep(call)
    store.append(call)
    store.mark_entered(call.id)


def write_log(root: Path) -> None:
    """What the session's log has by now: two requests."""
    prompt = {"type": "user", "promptId": "p", "uuid": "u0", "timestamp": "2026-11-20T09:59:58Z"}
    said_by_user = {**prompt, "message": {"role": "user", "content": "# agentd: step `review`"}}
    lines = json.dumps(said_by_user, separators=(",", ":")) + "\n"
    lines += claude_line(1, root, parentUuid="u0") + claude_line(2, root, parentUuid="u1")
    claude_log(root).write_text(lines)


def test_a_partial_call_is_corrected_when_its_log_has_more(root: Path, store: StateStore) -> None:
    exact = run_of("c2")
    run_with_folder(store, PARTIAL)
    run_with_folder(store, exact)
    said = agentd("reconcile", cwd=root)
    assert "0 corrected, of 1 call read again." in said.stdout, said.stderr
    write_log(root)
    before = store.path.read_bytes()
    assert "1 would be corrected" in agentd("reconcile", "--dry-run", cwd=root).stdout
    assert store.path.read_bytes() == before
    done = agentd("reconcile", "add-oauth", cwd=root)
    assert "add-oauth: c1: in 100 → 200, out 10 → 20" in done.stdout
    first, second = store.read().calls
    assert (first.usage.input_tokens, first.usage_source) == (200, "session_log")
    assert first.amended is not None
    assert second == exact
    assert "0 corrected" in agentd("reconcile", cwd=root).stdout
    assert "changed since" not in agentd("cost", "audit", cwd=root).stdout


def test_a_run_whose_cli_still_works_is_left_alone(root: Path, store: StateStore) -> None:
    with subprocess.Popen(["sleep", "30"]) as cli:
        run_with_folder(store, PARTIAL, cli.pid)
        write_log(root)
        assert "0 corrected, of 0 calls read again." in agentd("reconcile", cwd=root).stdout
        cli.kill()
    assert "1 corrected, of 1 call read again." in agentd("reconcile", cwd=root).stdout


def test_nothing_is_corrected_while_an_agentd_is_at_work(root: Path, store: StateStore) -> None:
    run_with_folder(store, PARTIAL)
    write_log(root)
    before = store.path.read_bytes()
    with at_work(Change(Project(root), "add-oauth", store.change_dir)):
        done = agentd("reconcile", cwd=root)
    assert "another agentd is at work on add-oauth" in done.stderr
    assert store.path.read_bytes() == before


def test_what_was_not_entered_yet_is_entered(root: Path, store: StateStore) -> None:
    store.keep(run_of("c1"))
    assert agentd("reconcile", cwd=root).returncode == 0
    assert [call.id for call in store.read().calls] == ["c1"]
