"""What calls of real kinds come to in the ledger: from a CLI's output to STATE.yaml, by agentd."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.case_box import case_box, run_case
from support.command import agentd_bytes
from support.recordings import FIXTURES
from support.workspace import Sandbox

CASES = FIXTURES / "usage_cases"
OWN_PRICES = """
[pricing.models."claude-sonnet-4-5"]
cost_per_1m_input = 3
cost_per_1m_output = 15
cost_per_1m_cache_read = 0.3
cost_per_1m_cache_write = 3.75
cost_per_1m_cache_write_1h = 6
"""
EXACT = {"accuracy": "exact"}
KILLED = 137
RUNS: list[tuple[str, tuple[str, ...], int, dict[str, Any]]] = [
    # opus 4.8 in fast mode: $10/$50 per million; killed before its result
    ("claude-fast-killed", (), KILLED, {"cost_usd": 0.06, "price_variant": "speed=fast"}),
    # three searches at $10 per 1,000 beside $0.03 of tokens
    ("claude-websearch-killed", (), KILLED, {"cost_usd": 0.06, "web_searches": 3}),
    # Z.ai's model: claude says $0.024, and that it does not know
    (
        "claude-foreign-model",
        ("--model", "glm-4.6"),
        0,
        {"cost_usd": 0.0028, "cost_source": "catalog", **EXACT},
    ),
    # claude 2.1.197 is older than the model, and reports its default's price, $0.03
    (
        "claude-old-new-model",
        ("--model", "claude-haiku-5-5"),
        0,
        {"cost_usd": 0.0006, "cost_source": "catalog", **EXACT},
    ),
    (
        "claude-one-hour-cache",
        (),
        0,
        {"cost_usd": 6.0, "cost_source": "config", "tokens_cache_write_1h": 10**6, **EXACT},
    ),
    # an unsigned underflow of a gateway
    (
        "claude-count-underflow",
        (),
        0,
        {"model": "claude-sonnet-4-5", "accuracy": "heuristic", "usage_source": "estimated"},
    ),
    # gpt-6-sol: 3000*2 + 4000*0.2 + 3000*2.5 + 100*10 per million
    (
        "codex-cache-write",
        (),
        0,
        {"tokens_cache_write": 3000, "tokens_cache_read": 4000, "cost_usd": 0.0153, **EXACT},
    ),
    # the subagent's log begins with a copy of its parent's
    (
        "codex-forked-subagent-0144",
        ("--model", "gpt-5"),
        0,
        {"tokens_in": 26000, "tokens_out": 553, "cost_usd": 0.016655, **EXACT},
    ),
    # a token_count that is an estimate of the context
    (
        "codex-total-only-count",
        (),
        0,
        {
            "model": "gpt-5.4",
            "tokens_in": 3000,
            "tokens_out": 150,
            "cost_usd": 0.00975,
            **EXACT,
        },
    ),
    (
        "codex-whole-number-as-float",
        ("--model", "gpt-5.4"),
        0,
        {"tokens_in": 1000, "tokens_out": 100, "cost_usd": 0.004},
    ),
    (
        "gemini-total-only",
        ("--model", "gemini-2.5-pro"),
        0,
        {"tokens_in": 5000, "accuracy": "heuristic"},
    ),
]


@pytest.fixture
def box(tmp_path: Path) -> Sandbox:
    return case_box(tmp_path)


def call_of(box: Sandbox, case: str, *args: str, code: int = 0) -> dict[str, Any]:
    provider = case.partition("-")[0]
    run_case(box, CASES / case, "--provider", provider, *args, code=code)
    (call,) = box.telemetry("c1")["calls"]
    found: dict[str, Any] = call
    return found


@pytest.mark.parametrize(("case", "args", "code", "right"), RUNS, ids=[run[0] for run in RUNS])
def test_what_a_run_comes_to(
    case: str, args: tuple[str, ...], code: int, right: dict[str, Any], box: Sandbox
) -> None:
    if case == "claude-one-hour-cache":
        config = box.root / "agentd" / "config.toml"
        config.write_text(config.read_text() + OWN_PRICES)
    call = call_of(box, case, *args, code=code)
    assert {key: call.get(key) for key in right} == right, call


def test_an_impossible_count_ends_no_later_command(box: Sandbox) -> None:
    call = call_of(box, "claude-count-underflow")
    assert "18446744073709552000" in call["why"]
    for command in (("status", "c1"), ("cost", "c1"), ("cost", "audit"), ("list",)):
        assert box.run(*command).returncode in (0, 1), command


COUNTED = ("--tokens-in", "1000", "--tokens-out", "1000")
ASKED: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    # Bedrock's global endpoint has no surcharge
    (("price", "--model", "global.anthropic.claude-fable-5", *COUNTED), {"cost_usd": 0.06}),
    (("price", "--model", "claude-opus-5@default", *COUNTED), {"cost_usd": 0.03}),
    (
        ("tokens", "hello world", "--model", "gpt-5.1"),
        {"tokens": 2, "encoding": "o200k_base", "accuracy": "exact"},
    ),
]


@pytest.mark.parametrize(("command", "right"), ASKED)
def test_what_a_name_stands_for(
    command: tuple[str, ...], right: dict[str, Any], box: Sandbox
) -> None:
    told = json.loads(box.ok(*command, "--json"))
    assert {key: told[key] for key in right} == right


@pytest.mark.parametrize(
    ("lines", "counts"),
    [
        (b'\xef\xbb\xbf{"text":"hello world"}\r\n{"text":"x"}', [(2, 0), (1, 0)]),
        (b'{"text":"a","tokens_output":12.0}\n', [(1, 12)]),  # as pandas writes whole numbers
    ],
)
def test_what_other_programs_write_is_piped(
    lines: bytes, counts: list[tuple[int, int]], box: Sandbox
) -> None:
    done = agentd_bytes("pipe", "--model", "gpt-4o", "--quiet", cwd=box.root, stdin=lines)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(one["tokens_input"], one["tokens_output"]) for one in told] == counts


def test_a_day_begins_where_the_clocks_jump_over_midnight(box: Sandbox) -> None:
    """In Cairo 2026-04-24 begins at 01:00, at 22:00Z: there is no midnight."""
    times = ("23T21:59:59Z", "23T22:00:00Z", "24T20:59:59Z", "24T21:00:00Z")
    calls = [
        {"id": str(cost), "step": "proposal", "provider": "claude", "model": "m", "status": "ok"}
        | {"tokens_in": 1, "tokens_out": 1, "cost_usd": cost, "cost_source": "config"}
        | {"timestamp": f"2026-04-{time}"}
        for time, cost in zip(times, (1, 2, 4, 8), strict=True)
    ]
    state = {"change_id": "c1", "schema_version": "2.0", "phase": "proposed"}
    box.change("c1").mkdir(parents=True)
    text = yaml.safe_dump(state | {"telemetry": {"calls": calls}})
    (box.change("c1") / "STATE.yaml").write_text(text)
    day = ("--since", "2026-04-24", "--until", "2026-04-24", "--timezone", "Africa/Cairo")
    total = json.loads(box.ok("cost", "--all", "--by", "day", *day, "--json"))["total"]
    assert (total["calls"], total["cost_usd"]) == (2, 6)
