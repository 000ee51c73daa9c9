"""Real CLIs that lose their launcher, or their agentd, and work on."""

from __future__ import annotations

import json
import os
import signal

import pytest
from loopback.scenario import ToolCall

from agentd.runner.process import processes, start_token
from agentd.runner.recovery import living
from agentd.runner.run_folder import RunFolder
from real.bench import CHANGE, Bench
from real.ledger import Served
from real.models import REAL_CLIS, RealCli

pytestmark = pytest.mark.real
LAUNCHED = ("codex",)  # by npm's script; the others are one process each
PLACE = f"agentd/changes/{CHANGE}/CHALLENGE.md"
DOCUMENT = "# Challenge: seen\n\n## Verdict\n- [x] APPROVED\n"


def judges(cli: RealCli) -> ToolCall:
    return cli.shell(f"printf '{DOCUMENT.encode('unicode_escape').decode()}' > {PLACE}")


@pytest.mark.parametrize("name", LAUNCHED)
@pytest.mark.parametrize("wire", ["off", "on"])
def test_binary_of_a_killed_launcher_is_followed_to_its_end(
    bench: Bench, name: str, wire: str
) -> None:
    cli = REAL_CLIS[name]
    bench.init(name, wire=wire)
    bench.with_documents()
    served = Served()
    bench.api.add(
        served.step(name, tools=(judges(cli),)), served.step(name, text="It is seen.", pauses=True)
    )
    binary: list[int] = []

    def kill_the_launcher(agentd: int) -> None:
        launcher = bench.cli_pid()
        table = processes()
        binary.extend(pid for pid, each in table.items() if each.parent == launcher)
        os.kill(launcher, signal.SIGKILL)
        bench.wait_for_end_of(launcher)
        bench.api.go_on.set()

    ran = bench.agentd(
        "challenge",
        CHANGE,
        "--model",
        cli.model,
        interrupt_when=bench.api.stalled.is_set,
        by=kill_the_launcher,
    )
    assert ran.exit_code == 0, ran
    assert (bench.change / "CHALLENGE.md").exists()
    (call,) = bench.calls()
    assert (call["status"], call["step"]) == ("ok", "challenge"), call
    assert binary
    assert all(start_token(pid) is None for pid in binary)
    told = bench.state()["telemetry"]["total_tokens_in"]
    assert told == sum(usage.input_tokens for usage in bench.api.told().values())


@pytest.mark.parametrize("name", REAL_CLIS)
@pytest.mark.parametrize("wire", ["off", "on"])
def test_cli_whose_agentd_is_killed_is_followed_to_its_end_by_the_next_step(
    bench: Bench, name: str, wire: str
) -> None:
    """So is the binary of one whose launcher was killed as well; each request is paid once."""
    cli = REAL_CLIS[name]
    bench.init(name, wire=wire)
    bench.with_documents()
    served = Served()
    bench.api.add(
        served.step(name, tools=(judges(cli),)), served.step(name, text="It is seen.", pauses=True)
    )

    def kill_both(agentd: int) -> None:
        os.kill(agentd, signal.SIGKILL)
        if name in LAUNCHED:
            os.kill(bench.cli_pid(), signal.SIGKILL)
            bench.wait_for_end_of(bench.cli_pid())

    model = ("--model", cli.model)
    stalled = bench.api.stalled.is_set
    killed = bench.agentd("challenge", CHANGE, *model, interrupt_when=stalled, by=kill_both)
    assert killed.exit_code == -signal.SIGKILL
    told = bench.agentd("status", CHANGE, "--json")
    assert told.exit_code == 0, told
    orphans = json.loads(told.stdout)["orphans"]
    assert orphans
    assert f"{name} still works in agentd/changes/{CHANGE}/runs/" in told.stderr
    assert all(start_token(pid) is not None for pid in orphans)
    ran = bench.agentd(
        "challenge",
        CHANGE,
        *model,
        interrupt_when=bench.is_taken_up(),
        by=lambda _: bench.api.go_on.set(),
    )
    assert ran.exit_code == 0, ran
    assert f"challenge: taken up: {name} still works" in ran.stderr
    assert all(start_token(pid) is None for pid in orphans)
    (call,) = bench.calls()
    assert (call["status"], call["step"], call["accuracy"]) == ("ok", "challenge", "exact"), call
    total = bench.state()["telemetry"]["total_tokens_in"]
    assert total == sum(usage.input_tokens for usage in bench.api.told().values())
    assert json.loads(bench.agentd("status", CHANGE, "--json").stdout)["orphans"] == []


@pytest.mark.parametrize("name", REAL_CLIS)
def test_ctrl_c_ends_a_cli_that_is_followed(bench: Bench, name: str) -> None:
    cli = REAL_CLIS[name]
    bench.init(name)
    bench.with_documents()
    bench.api.add(Served().step(name, text="Endless.", stalls=True))
    model = ("--model", cli.model)
    stalled = bench.api.stalled.is_set
    bench.agentd("challenge", CHANGE, *model, interrupt_when=stalled, by=signal.SIGKILL)
    (run,) = [RunFolder(path) for path in (bench.change / "runs").glob("*-challenge-*")]
    orphans = living(run)
    ran = bench.agentd("challenge", CHANGE, *model, interrupt_when=bench.is_taken_up())
    assert ran.exit_code == 130, ran
    assert [call["status"] for call in bench.calls()] == ["cancelled"]
    assert orphans
    assert all(start_token(pid) is None for pid in orphans)
