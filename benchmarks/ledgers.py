"""Many calls for the benchmarks: as ledgers of a project, and as session logs of Claude Code."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

MODELS = (
    ("gemini", "gemini-2.5-pro"),
    ("gemini", "gemini-3-flash-preview"),
    ("codex", "gpt-5.1-codex"),
    ("claude", "claude-sonnet-4-5-20250929"),
    ("claude", "claude-opus-4-5-20251101"),
)
STEPS = ("proposal", "challenge", "reproposal", "implementation", "review", "resolve", "archive")
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_SECONDS = 300 * 86400

_STATE = """\
change_id: {change_id}
schema_version: '2.0'
created_at: 2026-01-01T00:00:00Z
updated_at: 2026-01-01T00:00:00Z
phase: implementing
iteration: 1
last_action: null
session_id: null
checksums: {{}}
validations: []
telemetry:
  calls:
{calls}  total_cost_usd: {cost_usd}
  total_tokens_in: {tokens_in}
  total_tokens_out: {tokens_out}
"""
_CALL = """\
  - id: {started:%Y%m%dT%H%M%S}-{step}-{number:08x}
    step: {step}
    provider: {provider}
    model: {model}
    status: {status}
    tokens_in: {tokens_in}
    tokens_out: {tokens_out}
    tokens_cache_read: {tokens_cache_read}
    cost_usd: {cost_usd}
    cost_source: catalog
    accuracy: exact
    usage_source: stdout
    duration_ms: {duration_ms}
    timestamp: {started:%Y-%m-%dT%H:%M:%SZ}
    session_id: {session_id}
"""


def write_project(root: Path, changes: int, calls: int) -> Decimal:
    """A project whose changes, every other one archived, have so many calls each; their cost."""
    chance = random.Random(5)
    total_usd = Decimal(0)
    for number in range(changes):
        change_id = f"change-{number:04}"
        day = _BEGIN + timedelta(days=number % 28)
        place = f"archive/{day:%Y%m%d}-{change_id}" if number % 2 else f"changes/{change_id}"
        folder = root / "agentd" / place
        folder.mkdir(parents=True)
        entries = list(_calls(chance, calls))
        cost_usd = sum((entry["cost_usd"] for entry in entries), Decimal(0))
        (folder / "STATE.yaml").write_text(
            _STATE.format(
                change_id=change_id,
                calls="".join(_CALL.format(**entry) for entry in entries),
                cost_usd=cost_usd,
                tokens_in=sum(entry["tokens_in"] for entry in entries),
                tokens_out=sum(entry["tokens_out"] for entry in entries),
            )
        )
        total_usd += cost_usd
    (root / "agentd" / "config.toml").write_text('project_name = "bench"\n[claude]\n')
    return total_usd


def _calls(chance: random.Random, calls: int) -> Iterator[dict[str, Any]]:
    for place in range(calls):
        provider, model = chance.choice(MODELS)
        tokens_in = chance.randrange(500, 200_000)
        yield {
            "number": chance.getrandbits(32),
            "started": _BEGIN + timedelta(seconds=chance.randrange(_SECONDS)),
            "step": STEPS[place % len(STEPS)],
            "provider": provider,
            "model": model,
            "status": "ok" if chance.random() < 0.9 else "failed",
            "tokens_in": tokens_in,
            "tokens_out": chance.randrange(10, 9000),
            "tokens_cache_read": chance.randrange(tokens_in),
            "cost_usd": Decimal(chance.randrange(1, 10**12)).scaleb(-9),
            "duration_ms": chance.randrange(100, 900_000),
            "session_id": UUID(int=chance.getrandbits(128)),
        }


def write_claude_logs(home: Path, sessions: int, entries: int) -> int:
    """Below ``home``: so many sessions with so many answers each, as Claude Code writes them.

    Returns their output tokens.
    """
    chance = random.Random(5)
    tokens_out = 0
    for _ in range(sessions):
        session = UUID(int=chance.getrandbits(128))
        log = home / ".claude" / "projects" / "-work-project" / f"{session}.jsonl"
        log.parent.mkdir(parents=True, exist_ok=True)
        answers = [_answer(chance, session) for _ in range(entries)]
        log.write_text(
            "".join(json.dumps(answer, separators=(",", ":")) + "\n" for answer in answers)
        )
        tokens_out += sum(answer["message"]["usage"]["output_tokens"] for answer in answers)
    return tokens_out


def _answer(chance: random.Random, session: UUID) -> dict[str, Any]:
    started = _BEGIN + timedelta(seconds=chance.randrange(_SECONDS))
    message = {
        "id": f"msg_{chance.getrandbits(96):024x}",
        "type": "message",
        "role": "assistant",
        "model": chance.choice([model for provider, model in MODELS if provider == "claude"]),
        "content": [{"type": "text", "text": "Done."}],
        "stop_reason": "end_turn",
        "usage": {
            "input_tokens": chance.randrange(500, 9000),
            "cache_creation_input_tokens": chance.randrange(9000),
            "cache_read_input_tokens": chance.randrange(200_000),
            "output_tokens": chance.randrange(10, 9000),
            "service_tier": "standard",
        },
    }
    return {
        "parentUuid": None,
        "isSidechain": False,
        "cwd": "/home/user/project",
        "sessionId": str(session),
        "version": "2.1.330",
        "type": "assistant",
        "message": message,
        "requestId": f"req_{chance.getrandbits(96):024x}",
        "uuid": str(UUID(int=chance.getrandbits(128))),
        "timestamp": f"{started:%Y-%m-%dT%H:%M:%S}.000Z",
    }
