"""Real steps with the real CLIs: STATE.yaml holds what the API served, to the last digit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from loopback.scenario import Step

from agentd.metering.usage import ModelUsage, add
from real.bench import CHANGE, DESCRIPTION, DOCUMENTS, TOKEN_KEYS, Bench, Ran, cost_usd, tokens
from real.models import REAL_CLIS, RealCli

pytestmark = pytest.mark.real


@pytest.fixture(params=list(REAL_CLIS.values()), ids=list(REAL_CLIS))
def cli(request: pytest.FixtureRequest, bench: Bench) -> RealCli:
    """One of the CLIs, chosen for the project."""
    chosen: RealCli = request.param
    bench.init(chosen.name)
    return chosen


@dataclass
class Served:
    """Usages that differ in every number, so that one counted twice or left out shows."""

    cli: str
    number: int = 0

    def step(self, **answer: Any) -> Step:
        self.number += 1
        n = self.number
        usage = ModelUsage(
            input_tokens=4000 + 101 * n,
            output_tokens=300 + 11 * n,
            cache_read_input_tokens=1000 + 7 * n,
            cache_creation_input_tokens=500 + 3 * n if self.cli == "claude" else 0,
            reasoning_output_tokens=100 + 5 * n,
        )
        prompt = 13 + n if self.cli == "gemini" else 0
        return Step(usage=usage, tool_prompt_tokens=prompt, **answer)


def run(bench: Bench, cli: RealCli, *args: str, **how: Any) -> Ran:
    return bench.agentd(*args, "--model", cli.model, **how)


def check_call(
    call: Mapping[str, Any], served: Mapping[str, ModelUsage], *, status: str, cli: RealCli
) -> None:
    """The entry says what was served, by model, and what it costs by the config's prices."""
    costs = {model: cost_usd(model, usage) for model, usage in served.items()}
    told = {key: call[key] for key in TOKEN_KEYS if key in call}
    assert told == tokens(add(served.values()))
    assert Decimal(call["cost_usd"]) == sum(costs.values())
    assert (call["status"], call["cost_source"]) == (status, "config")
    assert (call["provider"], call["model"]) == (cli.name, cli.model)
    assert (call["accuracy"], bool(call["session_id"])) == ("exact", True)
    parts = {part["model"]: part for part in call.get("models", [])}
    assert set(parts) == (set(served) if len(served) > 1 else set())
    for model, part in parts.items():
        assert {key: part[key] for key in TOKEN_KEYS if key in part} == tokens(served[model])
        assert Decimal(part["cost_usd"]) == costs[model]


def check_all_was_asked(bench: Bench) -> None:
    assert [(r.model, r.body[-300:]) for r in bench.api.unscripted()] == []


def test_plain(bench: Bench, cli: RealCli) -> None:
    bench.with_documents()
    bench.api.add(Served(cli.name).step(text="Nothing to add."))
    ran = run(bench, cli, "challenge", CHANGE)
    assert ran.exit_code == 0, ran
    (call,) = bench.calls()
    check_call(call, bench.api.told(), status="ok", cli=cli)
    assert call["usage_source"] == "stdout"
    total = bench.state()["telemetry"]["total_tokens_in"]
    assert total == add(bench.api.told().values()).input_tokens
    check_all_was_asked(bench)


def test_the_model_writes_the_documents(bench: Bench, cli: RealCli) -> None:
    served = Served(cli.name)
    files = [f"agentd/changes/{CHANGE}/{name}" for name in DOCUMENTS if name != "proposal.md"]
    shell = f"mkdir -p agentd/changes/{CHANGE}/specs; " + "; ".join(f"echo x > {f}" for f in files)
    proposal = cli.write(str(bench.change / "proposal.md"), "# Written by its own tool")
    bench.api.add(
        served.step(text="I write the proposal.", tools=(proposal,)),
        served.step(tools=(cli.shell(shell),)),
        served.step(text="All written."),
    )
    ran = run(bench, cli, "proposal", CHANGE, DESCRIPTION)
    assert ran.exit_code == 0, ran
    assert (bench.change / "proposal.md").read_text().strip() == "# Written by its own tool"
    assert (bench.change / "specs" / "export.md").exists()
    (call,) = bench.calls()
    assert call["step"] == "proposal"
    check_call(call, bench.api.told(), status="ok", cli=cli)
    assert len(bench.api.requests) == 3
    check_all_was_asked(bench)


def test_subagent(bench: Bench, cli: RealCli) -> None:
    bench.with_documents()
    served = Served(cli.name)
    report = {"tools": (cli.after_subagent,)} if cli.after_subagent else {"text": "Seen."}
    steps = (
        served.step(tools=(cli.subagent,), **cli.in_main),
        served.step(tools=(cli.shell("echo seen > seen.txt"),), **cli.in_subagent),
        served.step(**report, **cli.in_subagent),
        # codex does not wait for its subagents: it is kept busy until this one is done.
        served.step(tools=(cli.shell("until test -e seen.txt; do sleep 0.1; done; sleep 1"),)),
        served.step(text="The subagent has seen all.", stays=True),
    )
    bench.api.add(*steps)
    ran = run(bench, cli, "challenge", CHANGE)
    assert ran.exit_code == 0, ran
    (call,) = bench.calls()
    assert set(bench.api.told()) == {cli.model, cli.subagent_model}
    assert all(step in [r.step for r in bench.api.requests] for step in steps)
    check_call(call, bench.api.told(), status="ok", cli=cli)
    check_all_was_asked(bench)


def test_api_error(bench: Bench, cli: RealCli) -> None:
    bench.with_documents()
    step = Served(cli.name).step(tools=(cli.shell("echo first > first.txt"),))
    bench.api.add(step, Step(status=400, stays=True))
    ran = run(bench, cli, "challenge", CHANGE)
    assert ran.exit_code == 4, ran
    assert "loopback error 400" in ran.stderr
    (call,) = bench.calls()
    check_call(call, bench.api.told(), status="failed", cli=cli)


def test_resumed_session(bench: Bench, cli: RealCli) -> None:
    bench.with_documents()
    served = Served(cli.name)
    asked = 0
    sessions: list[str] = []
    for run_number in range(3):
        again = ("--session", sessions[-1]) if sessions else ()
        tool = cli.shell(f"echo {run_number} > turn.txt")
        bench.api.add(served.step(tools=(tool,)), served.step(text=f"Answer {run_number}."))
        ran = run(bench, cli, "challenge", CHANGE, *again)
        assert ran.exit_code == 0, ran
        call = bench.calls()[-1]
        check_call(call, bench.api.told(after=asked), status="ok", cli=cli)
        asked = len(bench.api.requests)
        sessions.append(call["session_id"])
    assert sessions == sessions[:1] * 3
    assert "Answer 0." in bench.api.requests[-1].body
    check_all_was_asked(bench)


def test_ctrl_c_while_a_tool_runs(bench: Bench, cli: RealCli) -> None:
    bench.with_documents()
    served = Served(cli.name)
    mark = bench.project / "mark"
    bench.api.add(
        served.step(tools=(cli.shell("echo first > first.txt"),)),
        served.step(text="This takes long.", tools=(cli.shell("touch mark; sleep 60"),)),
    )
    ran = run(bench, cli, "challenge", CHANGE, interrupt_when=mark.exists)
    assert ran.exit_code == 130, ran
    (call,) = bench.calls()
    assert call["usage_source"] in ("stdout", "session_log")
    check_call(call, bench.api.told(), status="cancelled", cli=cli)
    check_all_was_asked(bench)


def test_ctrl_c_while_a_stream_is_stalled(bench: Bench, cli: RealCli) -> None:
    bench.with_documents()
    served = Served(cli.name)
    bench.api.add(
        served.step(tools=(cli.shell("echo first > first.txt"),)),
        served.step(text="This never comes to its end.", stalls=True),
    )
    stalled = bench.api.stalled.is_set
    ran = run(bench, cli, "challenge", CHANGE, interrupt_when=stalled)
    assert ran.exit_code == 130, ran
    (call,) = bench.calls()
    assert call["status"] == "cancelled"
    finished, billed = bench.api.requests[0].step, add(bench.api.billed().values())
    assert finished is not None
    for key, name in TOKEN_KEYS.items():
        told = int(call.get(key, 0))
        assert getattr(finished.usage, name) <= told <= getattr(billed, name), key
    assert call["usage_source"] in ("partial", "session_log")
    check_all_was_asked(bench)
