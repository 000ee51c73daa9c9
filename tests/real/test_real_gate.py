"""Budgets at the wire with the real CLIs: a request that a limit has no room for is never sent."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from loopback.scenario import Step
from support.budget_box import reserved

from agentd.metering.usage import ModelUsage
from real.bench import CHANGE, Bench, Ran
from real.ledger import Served, check_call, cost_usd
from real.models import REAL_CLIS, RealCli

pytestmark = pytest.mark.real

LARGE = ModelUsage(input_tokens=20_000, output_tokens=3000)
TINY = Decimal("0.000001")
UP_TO_THE_END_S = 1.5


@pytest.fixture(params=list(REAL_CLIS.values()), ids=lambda cli: cli.name)
def cli(request: pytest.FixtureRequest) -> RealCli:
    chosen: RealCli = request.param
    return chosen


def limited(bench: Bench, cli: RealCli, budget: str) -> None:
    bench.init(cli.name, more=budget)
    assert bench.agentd("config", "set", "meter.wire", "on").exit_code == 0
    bench.with_documents()


def challenge(bench: Bench, cli: RealCli, **how: Any) -> Ran:
    return bench.agentd("challenge", CHANGE, "--model", cli.model, **how)


def turns(cli: RealCli, count: int, command: str = "true", **answer: Any) -> list[Step]:
    """So many large answers that each use a tool, and one that ends the work."""
    step = Served().step(cli.name, tools=(cli.shell(command),), **answer)
    end = Served().step(cli.name, text="All done.", stays=True)
    return [*(replace(step, usage=LARGE, tool_prompt_tokens=0) for _ in range(count)), end]


def refused_at(bench: Bench) -> datetime:
    """When the first request was refused."""
    (log,) = (bench.change / "runs").glob("*/requests.jsonl")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return next(datetime.fromisoformat(line["at"]) for line in lines if line["is"] == "refused")


def test_the_second_request_is_not_sent_however_short_the_tool(bench: Bench, cli: RealCli) -> None:
    cost = cost_usd(cli.model, LARGE)
    limited(bench, cli, f"[budget]\nlimit_usd = {cost + TINY}")
    bench.api.add(*turns(cli, 3))
    ran = challenge(bench, cli)
    ended = datetime.now().astimezone()
    assert ran.exit_code == 3, ran
    assert "was stopped by its budget: the next request" in ran.stderr
    assert "is left" in ran.stderr
    assert len(bench.api.requests) == 1
    (call,) = bench.calls()
    check_call(call, bench.api.told(), status="budget_stopped", provider=cli.name, model=cli.model)
    assert (call["usage_source"], call["requests"]) == ("wire", "1")
    assert bench.state()["phase"] == "proposed"
    slower = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # the machine is not ours alone
    assert (ended - refused_at(bench)).total_seconds() < UP_TO_THE_END_S * slower


def test_a_subagent_and_then_the_main_thread(bench: Bench, cli: RealCli) -> None:
    """The subagent's second request is refused, and so is the next one of the main thread."""
    served = Served()
    first = served.step(cli.name, tools=(cli.subagent,), **cli.in_main)
    inner = replace(
        served.step(cli.name, tools=(cli.shell("true"),), **cli.in_subagent),
        usage=ModelUsage(input_tokens=400_000, output_tokens=100_000),
        tool_prompt_tokens=0,
    )
    limit = cost_usd(cli.model, first.usage) + cost_usd(cli.subagent_model, inner.usage)
    limited(bench, cli, f"[budget]\nlimit_usd = {limit + TINY}")
    bench.api.add(first, inner)
    if cli.name == "codex":  # it doesn't wait for its subagents by itself
        wait = cli.shell("sleep 2")
        bench.api.add(served.step(cli.name, tools=(wait,), **cli.in_main))
    ran = challenge(bench, cli)
    assert ran.exit_code == 3, ran
    asked = [request.step for request in bench.api.requests]
    assert inner in asked
    assert asked[-1] is inner or cli.name == "codex"
    assert None not in asked
    (call,) = bench.calls()
    assert call["status"] == "budget_stopped"


def test_two_changes_at_once_share_what_is_left(bench: Bench, cli: RealCli) -> None:
    cost = cost_usd(cli.model, LARGE)
    limit = 5 * cost
    limited(bench, cli, f'[budget.project]\nlimit_usd = {limit}\nperiod = "total"')
    other = bench.change.with_name("add-import")
    shutil.copytree(bench.change, other)
    state = other / "STATE.yaml"
    state.write_text(state.read_text().replace(CHANGE, other.name))
    bench.api.add(*turns(cli, 40))
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "agentd", "challenge", name, "--model", cli.model],
            cwd=bench.project,
            env=bench.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in (CHANGE, other.name)
    ]
    ran = [(*process.communicate(timeout=60), process.returncode) for process in running]
    assert [code for *_, code in ran] == [3, 3], ran
    billed = [cost_usd(model, usage) for model, usage in bench.api.billed().items()]
    assert 3 * cost <= sum(billed) <= limit
    assert reserved(bench.project) == []


def test_strict_sends_what_surely_fits_and_nothing_else(bench: Bench, cli: RealCli) -> None:
    limited(bench, cli, "[budget]\nstrict = true\nlimit_usd = 0.05")
    bench.api.add(*turns(cli, 3))
    ran = challenge(bench, cli)
    assert ran.exit_code == 3, ran
    assert "at most" in ran.stderr
    assert bench.api.requests == []
    config = bench.project / "agentd/config.toml"
    config.write_text(config.read_text().replace("limit_usd = 0.05", "limit_usd = 50"))
    ran = challenge(bench, cli)
    assert ran.exit_code == 4, ran  # it wrote no document
    assert len(bench.api.requests) == 4


def test_strict_refuses_a_web_search_of_the_api(bench: Bench) -> None:
    cli = REAL_CLIS["codex"]
    limited(bench, cli, "[budget]\nstrict = true\nlimit_usd = 50")
    config = bench.project / "agentd/config.toml"
    text = config.read_text()
    for setting, exit_code in (("live", 3), ("disabled", 4)):  # 4: the API has no answer for it
        args = f"""extra_args = ["-c", "web_search='{setting}'"]"""
        config.write_text(text.replace("extra_args = []", args))
        ran = bench.agentd("challenge", CHANGE, "--model", "gpt-5")
        assert ran.exit_code == exit_code, ran
        assert ("web_search='disabled'" in ran.stderr) is (exit_code == 3)
        assert (len(bench.api.requests) > 0) is (exit_code == 4)
