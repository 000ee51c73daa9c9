"""Agents for models of any maker: what STATE.yaml has is what the API served, side calls too."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from loopback.scenario import Step

from agentd.metering.usage import ModelUsage, add
from real.agent_bench import DOCUMENT, STARTS_S, agent_bench
from real.bench import CHANGE, DESCRIPTION, UNJUDGED, Bench, Ran, endless
from real.ledger import TOKEN_KEYS, Served, check_call, cost_usd
from real.models import AGENTS, RealCli
from real.story import WHOLE, Turn, story

pytestmark = pytest.mark.real

CHECKS = '[checks]\ntest = "sh check.sh"\nlint = ""\naudit = ""\n'
FAST = {name: cli for name, cli in AGENTS.items() if name != "copilot"}  # it takes seconds to start
TINY = Decimal("0.000001")


@pytest.fixture(params=list(AGENTS.values()), ids=lambda cli: cli.name)
def cli(request: pytest.FixtureRequest) -> RealCli:
    chosen: RealCli = request.param
    return chosen


@pytest.fixture
def bench(tmp_path: Path, cli: RealCli) -> Iterator[Bench]:
    with agent_bench(tmp_path, cli.name) as made:
        yield made


def begin(bench: Bench, cli: RealCli, *, wire: str = "auto", more: str = "") -> Served:
    """A change to challenge, and an API that answers side calls at any time."""
    bench.init(cli.name, wire=wire, more=more)
    served = Served()
    if cli.side:
        bench.api.add(served.step(cli.name, text="A title", model=cli.side, stays=True))
    if cli.side_body:
        bench.api.add(served.step(cli.name, text="Nothing new.", body=cli.side_body, stays=True))
    return served


def challenge(bench: Bench, cli: RealCli, *args: str, **how: Any) -> Ran:
    asked = ("challenge", CHANGE, "--model", cli.asked, *args)
    return bench.agentd(*asked, timeout_s=STARTS_S, within_s=STARTS_S, **how)


def check(bench: Bench, cli: RealCli, *, status: str, after: int = 0) -> dict[str, Any]:
    """The last call has what was served since, to the last digit."""
    call = bench.calls()[-1]
    served = bench.api.told(after=after)
    check_call(call, served, status=status, provider=cli.name, model=cli.model)
    assert (call["usage_source"], call.get("why")) == ("wire", None)
    assert [(r.model, r.body[-300:]) for r in bench.api.unscripted()] == []
    return call


def test_tools_side_calls_and_a_resumed_session(bench: Bench, cli: RealCli) -> None:
    served = begin(bench, cli)
    bench.with_documents()
    session, asked = (), 0
    for round_ in range(2):
        bench.api.add(
            served.step(cli.name, tools=(cli.shell("true"),), **cli.in_main),
            served.step(cli.name, text=DOCUMENT, **cli.in_main),
        )
        ran = challenge(bench, cli, *session)
        assert ran.exit_code == 0, ran
        call = check(bench, cli, status="ok", after=asked)
        if cli.side:  # a new session gets a title
            assert (cli.side in bench.api.told(after=asked)) == (round_ == 0)
        asked, session = len(bench.api.requests), ("--session", call["session_id"])
    assert bench.calls()[0]["session_id"] == bench.calls()[1]["session_id"]


def test_an_api_error_after_a_turn(bench: Bench, cli: RealCli) -> None:
    served = begin(bench, cli)
    bench.with_documents()
    bench.api.add(
        served.step(cli.name, tools=(cli.shell("true"),), **cli.in_main),
        Step(status=400, stays=True),
    )
    ran = challenge(bench, cli)
    assert ran.exit_code == 4, ran
    assert "loopback error 400" in ran.stderr
    check(bench, cli, status="failed")


def test_no_key(bench: Bench, cli: RealCli) -> None:
    """It is a failure that nobody tries again, and costs nothing."""
    bench.init(cli.name, wire="auto")
    bench.set(script_retries=3)
    bench.with_documents()
    del bench.environ[cli.key]
    ran = challenge(bench, cli)
    assert ran.exit_code == 4, ran
    assert f"{cli.name} failed in step challenge (auth, exit code 1): " in ran.stderr
    assert f"Log in to {cli.name}, or give it a valid key and credit." in ran.stderr
    (call,) = bench.calls()
    assert (call["status"], call.get("why") is None) == ("failed", cli.told_without)
    assert (call["tokens_in"], call["cost_usd"], bench.api.requests) == ("0", "0.0", [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "SIGKILL"])
def test_agentd_ends_while_a_tool_runs(bench: Bench, cli: RealCli, number: int) -> None:
    """After a SIGKILL of agentd the relay stays with the agent; who follows that reads its log."""
    served = begin(bench, cli)
    bench.with_documents()
    mark = bench.project / UNJUDGED / "mark"
    long = cli.shell(endless(mark))
    bench.api.add(served.step(cli.name, text="It takes long.", tools=(long,), **cli.in_main))
    challenge(bench, cli, interrupt_when=mark.exists, by=number)
    if number == signal.SIGKILL:
        assert challenge(bench, cli, interrupt_when=bench.is_taken_up()).exit_code == 130
    mark.unlink()
    check(bench, cli, status="cancelled")


def test_the_agent_is_killed_while_a_tool_runs(bench: Bench, cli: RealCli) -> None:
    served = begin(bench, cli)
    bench.with_documents()
    mark = bench.project / UNJUDGED / "mark"
    long = cli.shell(endless(mark))
    bench.api.add(served.step(cli.name, tools=(long,), **cli.in_main))
    kill: Callable[[int], None] = lambda _: os.killpg(bench.cli_pid(), signal.SIGKILL)  # noqa: E731
    ran = challenge(bench, cli, interrupt_when=mark.exists, by=kill)
    mark.unlink()
    assert ran.exit_code == 4, ran
    check(bench, cli, status="failed")


def test_an_answer_that_is_cut_is_estimated_and_says_so(bench: Bench, cli: RealCli) -> None:
    served = begin(bench, cli)
    bench.with_documents()
    bench.api.add(
        served.step(cli.name, tools=(cli.shell("true"),), **cli.in_main),
        served.step(cli.name, text="This never comes to its end.", stalls=True, **cli.in_main),
    )
    ran = challenge(bench, cli, interrupt_when=bench.api.stalled.is_set)
    assert ran.exit_code == 130, ran
    (call,) = bench.calls()
    assert (call["usage_source"], call["accuracy"]) == ("wire", "heuristic"), call
    assert call["why"].startswith("answer cut after ")
    whole = add(r.step.usage for r in bench.api.requests if r.step and not r.step.stalls)
    for key, name in TOKEN_KEYS.items():
        assert getattr(whole, name) <= int(call.get(key, 0)), key


def test_a_request_without_room_in_a_limit_is_not_sent(bench: Bench, cli: RealCli) -> None:
    """And the agent ends at once, though pi exits with 0 then."""
    served = Served()
    title = served.step(cli.name, text="A title", model=cli.side, stays=True) if cli.side else None
    large = served.step(cli.name, tools=(cli.shell("true"),), **cli.in_main)
    large = replace(large, usage=ModelUsage(input_tokens=40_000, output_tokens=3000))
    cost = cost_usd(cli.model, large.usage)
    cost += cost_usd(cli.side, title.usage) if title and cli.side else 0
    bench.init(cli.name, wire="auto", more=f"[budget]\nlimit_usd = {cost + TINY}")
    bench.with_documents()
    bench.api.add(*([title] if title else []), large)
    ran = challenge(bench, cli)
    assert ran.exit_code == 3, ran
    assert "was stopped by its budget: the next request" in ran.stderr
    check(bench, cli, status="budget_stopped")
    assert [request.step for request in bench.api.requests if request.model == cli.model] == [large]


@pytest.mark.parametrize("cli", FAST.values(), ids=FAST.keys(), indirect=True)
def test_a_whole_run(bench: Bench, cli: RealCli) -> None:
    """Every step with that agent, in the models of its section; its sessions are gone on with."""
    begin(bench, cli, more=CHECKS)
    bench.commit()
    turns = story((cli.name,), str(bench.project))
    bench.api.add(*(answer for turn in turns for answer in turn.answers))
    ran = bench.agentd("run", CHANGE, DESCRIPTION, timeout_s=600)
    assert ran.exit_code == 0, (ran, [r.body[-2000:] for r in bench.api.unscripted()])
    (bench.change,) = (bench.project / "agentd" / "archive").iterdir()
    check_ledger(bench, cli, turns)


def check_ledger(bench: Bench, cli: RealCli, turns: list[Turn]) -> None:
    calls = bench.calls()
    assert tuple(call["step"] for call in calls) == WHOLE
    assert {call["accuracy"] for call in calls} == {"exact"}, calls
    for call, turn in zip(calls, turns, strict=True):
        own = add(answer.usage for answer in turn.answers)
        assert call["model"] == turn.model
        parts = {part["model"]: part for part in call.get("models", [call])}
        assert int(parts[turn.model]["tokens_in"]) == own.input_tokens
        assert parts.keys() <= {turn.model, cli.side}
    told: dict[str, ModelUsage] = bench.api.told()
    telemetry = bench.state()["telemetry"]
    assert telemetry["total_tokens_in"] == add(told.values()).input_tokens
    assert telemetry["total_tokens_out"] == add(told.values()).output_tokens
    cost = sum(cost_usd(model, usage) for model, usage in told.items())
    (total,) = re.findall(r"total_cost_usd: (\S+)", (bench.change / "STATE.yaml").read_text())
    assert Decimal(total) == cost
