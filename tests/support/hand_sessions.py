"""A project in an empty home, and sessions that a person had there in claude."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from agentd.ledger.store import StateStore
from agentd.metering.call import CallRecord
from agentd.metering.usage import ModelUsage
from agentd.project.layout import Project
from agentd.project.workspace import Workspace
from agentd.runner.process import start_token
from agentd.workflow.sessions import discover
from agentd.workflow.sessions.manual_call import ManualCall

CONFIG = '[claude]\n[codex]\n[gemini]\n[pricing]\nsources = ["config", "catalog"]\n'
SESSION = "11111111-0000-4000-8000-000000000000"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project, in an empty home."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME"):
        monkeypatch.delenv(name, raising=False)
    root = tmp_path / "project"
    (root / "agentd").mkdir(parents=True)
    (root / "agentd" / "config.toml").write_text(CONFIG)
    monkeypatch.chdir(root)
    return root


def found_in(root: Path) -> list[ManualCall]:
    return discover.manual_calls(Workspace.of(Project(root)))


def claude_line(
    number: int,
    cwd: Path,
    *,
    session: str = SESSION,
    at: str = "2026-11-20T10:00:00.000Z",
    branch: str = "main",
    output_tokens: int = 10,
    **more: object,
) -> str:
    usage = {"input_tokens": 100, "output_tokens": output_tokens}
    message = {
        "id": f"msg_{number}",
        "model": "claude-opus-5-5",
        "usage": usage,
        "stop_reason": "end_turn",
        "content": [],
    }
    line = {
        "type": "assistant",
        "message": message,
        "uuid": f"u{number}",
        "timestamp": at,
        "sessionId": session,
        "cwd": str(cwd),
        "gitBranch": branch,
        **more,
    }
    return json.dumps(line, separators=(",", ":")) + "\n"


def claude_log(cwd: Path, session: str = SESSION, home: Path | None = None) -> Path:
    name = "".join(char if char.isalnum() else "-" for char in str(cwd))
    path = (home or cwd.parent) / "home" / ".claude" / "projects" / name / f"{session}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def run_of(call_id: str) -> CallRecord:
    return CallRecord(
        id=call_id,
        step="review",
        provider="claude",
        model="claude-opus-5-5",
        status="ok",
        usage=ModelUsage(input_tokens=100, output_tokens=10),
        cost_usd=Decimal(0),
        cost_source="none",
        accuracy="exact",
        usage_source="stdout",
        duration_ms=5000,
        started_at=datetime(2026, 11, 20, 9, 59, 57, tzinfo=UTC),
        session_id=SESSION,
    )


PARTIAL = replace(
    run_of("c1"),
    status="interrupted",
    accuracy="heuristic",
    why="it told nothing of its usage",
    usage_source="estimated",
)


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
