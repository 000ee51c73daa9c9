"""A project with one recorded call by each CLI, for `agentd cost audit` to look at."""

from __future__ import annotations

import hashlib
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from agentd.clock import utc_now
from agentd.project.workspace import Workspace
from agentd.reports.audit.audit import audit
from agentd.reports.audit.problems import Audit, Finding
from support.workspace import PROPOSAL, Sandbox, make_sandbox

CONFIG = """
project_name = "test"
[workflow]
script_retries = 0
[gemini]
command = "{gemini}"
[claude]
command = "{claude}"
[codex]
command = "{codex}"
default = "gpt-5.1-codex"
[pricing]
sources = ["config", "reported", "catalog"]
[pricing.models."gemini-2.5-pro"]
cost_per_1m_input = 0.5
cost_per_1m_output = 3.0
cost_per_1m_cache_read = 0.05
"""

ANSWERS = {
    "gemini": "gemini/0.61.0/model_stream_json",
    "claude": "claude/2.1.330/subagent_stream_json_partial",
    "codex": "codex/0.169.0/json",
}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a change by each CLI; the one by codex archived by hand."""
    folder = tmp_path_factory.mktemp("audit")
    box = make_sandbox(folder, CONFIG)
    for provider, path in ANSWERS.items():
        box.answer("proposal", path, PROPOSAL)
        box.ok("proposal", f"by-{provider}", "Let users in", "--provider", provider)
    archive = box.root / "agentd/archive"
    archive.mkdir(exist_ok=True)
    box.change("by-codex").rename(archive / "20261122-by-codex")
    return folder


@pytest.fixture
def box(made: Path, tmp_path: Path) -> Sandbox:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return Sandbox(tmp_path / "project")


def look(box: Sandbox, change_id: str | None = None, now: datetime | None = None) -> Audit:
    environ = {"HOME": str(box.root.parent)}
    return audit(Workspace.open(box.root), change_id, now=now or utc_now(), environ=environ)


def found(done: Audit) -> list[tuple[str, str]]:
    """The differences as (check, change)."""
    return [(finding.problem.check, finding.change_id) for finding in done.differences]


def noted(done: Audit) -> list[tuple[str, str]]:
    return [(finding.problem.check, finding.change_id) for finding in done.notes]


def of_check(done: Audit, check: str) -> Finding:
    (finding,) = (f for f in (*done.differences, *done.notes) if f.problem.check == check)
    return finding


def ledger(box: Sandbox, name: str) -> Path:
    (path,) = (box.root / "agentd").glob(f"*/*by-{name}/STATE.yaml")
    return path


def tamper(path: Path, old: str, new: str, count: int = 1) -> None:
    text = path.read_text()
    assert text.count(old) >= 1, text
    path.write_text(text.replace(old, new, count))


def value(box: Sandbox, name: str, key: str) -> str:
    """The text of a key of the first call."""
    lines = ledger(box, name).read_text().splitlines()
    return next(line for line in lines if line.strip().startswith(f"{key}:")).split(": ", 1)[1]


def change_value(box: Sandbox, name: str, key: str, new: str) -> None:
    tamper(ledger(box, name), f"    {key}: {value(box, name, key)}\n", f"    {key}: {new}\n")


def change_total(box: Sandbox, name: str, key: str, new: str) -> None:
    old = value(box, name, key)
    tamper(ledger(box, name), f"  {key}: {old}\n", f"  {key}: {new}\n")


def forget_runs(box: Sandbox) -> None:
    """As after a git clone: runs are ignored there."""
    for runs in (box.root / "agentd").glob("*/*/runs"):
        shutil.rmtree(runs)


def tree(root: Path) -> dict[str, tuple[str, int]]:
    return {
        path.relative_to(root).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
        )
        for path in root.rglob("*")
        if path.is_file()
    }
