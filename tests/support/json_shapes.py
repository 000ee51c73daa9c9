"""Projects of many shapes, and command lines that print each field of each answer in JSON."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from agentd.ledger.changes import Changes
from agentd.ledger.store import StateStore
from agentd.meter.request_log import NAME, RequestLog
from agentd.metering.call import CallRecord, PricedModel
from agentd.metering.dialects import Asked
from agentd.metering.requests import ApiRequest
from agentd.metering.usage import ModelUsage
from support.cost_box import add, call
from support.forecast_samples import put_ledger
from support.hand_sessions import PARTIAL, claude_line, claude_log, run_with_folder, write_log
from support.state_samples import CALL
from support.workspace import PROPOSAL, REVIEW, Sandbox, make_sandbox

CONFIG = """
project_name = "shapes"
[claude]
command = "{claude}"
[codex]
command = "{codex}"
[gemini]
command = "{gemini}"
[pricing]
sources = ["config", "catalog"]
[pricing.models."gpt-5"]
cost_per_1m_input = 2
cost_per_1m_output = 10
[budget]
limit_usd = 50
limit_tokens = 1_000_000
warn_at_dollars = 0.005
"""
MAIN = """# Login

## Purpose
Let users in.

## Requirements

### Requirement: Greet
The system SHALL greet.

#### Scenario: morning
- **WHEN** it is morning
- **THEN** it says so
"""
DELTAS = """# Login

## ADDED Requirements

### Requirement: Log in by name
The system SHALL let a user in by name.

#### Scenario: known user
- **WHEN** Ada logs in
- **THEN** she is in

## RENAMED Requirements
- FROM: `### Requirement: Greet`
- TO: `### Requirement: Welcome`
"""
BEGAN = datetime(2026, 11, 25, 12, 0, 1, tzinfo=UTC)
MODEL = ("--model", "gpt-5")
LINES: tuple[tuple[str, ...], ...] = (
    ("doctor",),
    ("status", "add-a"),
    ("status", "--all"),
    ("status", "nowhere"),
    ("list",),
    ("list", "--specs"),
    ("show", "add-a", "--diff"),
    ("show", "add-b"),
    ("show", "unread"),
    ("log", "add-a", "--requests"),
    ("cost", "add-a", "--by", "model", "--base", "HEAD"),
    ("cost", "--all"),
    *(("cost", "--all", "--by", name) for name in ("step,provider", "change,day", "week,month")),
    ("cost", "--all", "--by", "status,thread,variant,source"),
    ("cost", "--all", "--by", "branch,author,session"),
    ("cost", "--everywhere", "--by", "project"),
    ("cost", "to-come", "--forecast"),
    ("cost", "audit"),
    ("validate", "add-b", "--strict"),
    ("reconcile", "--dry-run"),  # before the call that two ledgers have is taken out of one
    ("validate", "--fix"),
    ("import", "--into", "add-b"),
    ("import", "--jsonl", "calls.jsonl"),
    ("price", *MODEL, "--tokens-in", "1000", "--web-searches", "1"),
    ("price", "--model", "claude-sonnet-4-5", "--tokens-in", "5", "--variant", "geo=us"),
    ("models", "sonnet"),
    ("tokens", "hello", *MODEL),
    ("tokens", "hello", *MODEL, "--model", "who-knows"),
    ("config", "get", "budget.limit_usd"),
    ("config", "get", "budget"),
    ("config", "list"),
)


def shapes(folder: Path) -> Sandbox:
    """A project with changes that are open, archived and broken, and sessions by hand."""
    box = make_sandbox(folder, CONFIG)
    (box.root / "agentd/specs/login.md").write_text(MAIN)
    store = add(box, "add-a", _full(), call(2, cost_source="none", cost_usd=Decimal(0)))
    _documents(box, "add-a")
    store.give_feedback("Use the session table")
    for day in range(1, 10):
        put_ledger(
            box.root / f"agentd/archive/202601{day:02}-old-{day}",
            f"old-{day}",
            [replace(CALL, id=f"old-{day}", started_at=datetime(2026, 1, day, tzinfo=UTC))],
            phase="archived",
        )
    _committed(box)
    store.append(_priced(3, "0.02", why="answer cut", accuracy="heuristic"))
    store.update(phase="proposed")
    warned = Changes(budget_warned="warn_at_dollars", approvals="plan@2026-11-30T12:00:00Z later")
    store.append(_priced(4, "0.03"), warned)
    _requests(store)
    StateStore(box.change("to-come")).create("to-come")
    second = add(box, "add-b")
    run_with_folder(second, PARTIAL)
    write_log(box.root)
    line = {"change_id": "add-b", "id": "from-a-line", "step": "review", "model": "m"}
    line |= {"tokens_in": 1, "tokens_out": 1, "cost_usd": 0}
    (box.root / "calls.jsonl").write_text(json.dumps(line))
    by_hand = claude_line(9, box.root, session="2" * 8)
    claude_log(box.root, "2" * 8).write_text(by_hand)
    (box.change("add-b") / "tasks.md").write_text("# Tasks\n\n- [?] 1.1 Log in\n")
    add(box, "unread")
    unread = box.change("unread") / "specs" / "login.md"
    unread.parent.mkdir()
    unread.write_bytes(b"\xff")
    broken = box.change("broken")
    broken.mkdir()
    (broken / "STATE.yaml").write_text("telemetry: [\n")
    return box


def _full() -> CallRecord:
    """A call with all that a call can have."""
    share = PricedModel(
        model="gpt-5",
        usage=replace(CALL.usage, web_searches=2, variants=(("speed", "fast"),)),
        cost_usd=CALL.cost_usd,
        cost_source="catalog",
        threads="subagent=1/2/0/0.0001",
    )
    return replace(
        CALL,
        id="c1",
        step="review",
        usage=replace(share.usage, input_tokens=2 * CALL.usage.input_tokens),
        cost_usd=2 * CALL.cost_usd,
        models=(share, replace(share, model="m-2")),
        requests=1,
        started_at=BEGAN,
        budget="overridden",
        amended=BEGAN,
    )


def _priced(number: int, cost: str, **more: object) -> CallRecord:
    return call(number, cost_usd=Decimal(cost), threads="subagent=1/2/0/0.0001", **more)


def _documents(box: Sandbox, change_id: str) -> None:
    folder = box.change(change_id)
    for name, text in PROPOSAL.items():
        path = folder.joinpath(*name.split("/")[1:])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "specs/login.md").write_text(DELTAS)
    (folder / "REVIEW.md").write_text(REVIEW)


def _committed(box: Sandbox) -> None:
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
        subprocess.run(["git", *who, *command], cwd=box.root, check=True, capture_output=True)


def _requests(store: StateStore) -> None:
    folder = store.runs_dir / "c1"
    folder.mkdir(parents=True)
    log = RequestLog(folder / NAME)
    log.started("1", Asked(model="gpt-5", body_bytes=10), input_tokens=400, at=BEGAN)
    usage = ModelUsage(input_tokens=1000, output_tokens=100)
    told = ApiRequest(id="r-1", model="gpt-5", usage=usage, finish="stop", ended=True)
    log.ended("1", 200, [told], at=BEGAN + timedelta(seconds=2))
