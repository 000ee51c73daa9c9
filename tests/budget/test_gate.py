"""The relay's process with its gate: what a CLI gets, and what another relay goes on with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from loopback.scenario import Step
from loopback.server import LoopbackApi
from support.gating import AT, order
from support.relayed import ask

from agentd.budget.account import Account
from agentd.meter.logged_requests import read_requests, refusals
from agentd.meter.process import RelayProcess
from agentd.meter.request_log import NAME
from agentd.metering.pricing import PriceBook
from agentd.metering.usage import ModelUsage

ARGV = (sys.executable, "-m", "agentd.budget.gate")
USAGE = ModelUsage(input_tokens=900, output_tokens=40)  # $1.30
AGENT = {"claude": "claude-cli/1", "codex": "codex_exec/1", "gemini": "GeminiCLI/1"}


@pytest.fixture
def api() -> Iterator[LoopbackApi]:
    with LoopbackApi([Step(text="hello", usage=USAGE, stays=True)]) as server:
        yield server


def start(api: LoopbackApi, folder: Path, limit: str, provider: str = "claude") -> RelayProcess:
    """A relay of a run that may cost so much; a request is expected to cost some $20."""
    own = Account(key="budget", shown="the change", limit_usd=Decimal(limit))
    given = {"provider": provider, "upstream": api.url, "gate": order(folder, own=(own,)).packed()}
    return RelayProcess(ARGV, given, run_dir=folder)


@pytest.mark.parametrize(("provider", "status"), [("claude", 402), ("codex", 400), ("gemini", 402)])
def test_a_refused_request_is_answered_so_that_the_cli_ends(
    provider: str, status: int, api: LoopbackApi, tmp_path: Path
) -> None:
    relay = start(api, tmp_path, "1", provider)
    told = ask(relay.url, headers={"user-agent": AGENT[provider]})
    relay.leave(wait_s=10)
    assert told[0] == status
    assert b"$1.000000 is left" in told[1]
    assert api.requests == []
    assert len(refusals(tmp_path / NAME)) == 1
    assert (tmp_path / "meter.log").read_bytes() == b""


def test_what_a_request_used_counts_for_the_next_one(api: LoopbackApi, tmp_path: Path) -> None:
    relay = start(api, tmp_path, "24")
    answers = [ask(relay.url)[0] for _ in range(5)]
    relay.leave(wait_s=10)
    assert answers == [200, 200, 200, 402, 402]  # 3 times $1.30, and $20.90 for the next one
    assert len(read_requests(tmp_path / NAME)) == 3


def test_a_relay_that_follows_a_killed_one_knows_what_was_spent(
    api: LoopbackApi, tmp_path: Path
) -> None:
    relay = start(api, tmp_path, "23.5")
    assert [ask(relay.url)[0] for _ in range(3)] == [200] * 3
    killed, deadline = relay.pid, time.monotonic() + 20
    os.kill(killed, signal.SIGKILL)
    while relay.pid == killed and time.monotonic() < deadline:
        relay.tend()
        time.sleep(0.01)
    assert ask(relay.url)[0] == 402
    relay.leave(wait_s=10)
    assert len(api.requests) == 3


CODE = """
import sys, agentd.budget.gate
late = ("genai_prices", "ruamel", "agentd.budget.request_gate", "agentd.config", "agentd.ledger")
print([name for name in late if name in sys.modules])
"""


def test_a_run_without_limits_loads_nothing_of_the_budgets() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


CATALOG = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from support.gating import asked, order
from agentd.budget.gate_order import GateOrder
from agentd.budget.request_gate import BudgetGate
gate = BudgetGate(GateOrder.unpacked(sys.stdin.read()), Path("requests.jsonl"))
told = gate.refusal("a", asked(model="gpt-6.1-sol-2026-09-29"), 1000, b"")
print(told, "genai_prices.data_snapshot" in sys.modules)
"""


def test_a_gate_prices_without_the_catalogue(tmp_path: Path) -> None:
    book = PriceBook(config={}, sources=("catalog",))
    prices = book.handed_over("gpt-6-luna", maker="openai", at=AT)
    given = order(tmp_path, prices=prices, maker="openai", unpriced_stops=True).packed()
    tests = str(Path(__file__).parents[1])
    argv = [sys.executable, "-c", CATALOG, tests]
    done = subprocess.run(
        argv, input=given, capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout == "None False\n", done.stderr
