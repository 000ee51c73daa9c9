"""Real steps with the real CLIs: STATE.yaml holds what the API served, to the last digit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from loopback.scenario import Step, ToolCall

from agentd.metering.usage import ModelUsage, add
from real.bench import CHANGE, DESCRIPTION, DOCUMENTS, UNJUDGED, Bench, Ran, endless
from real.ledger import TOKEN_KEYS, Served, check_call
from real.models import REAL_CLIS, RealCli

pytestmark = pytest.mark.real

# Not gemini: for over a minute it asks anew by itself, whatever general.maxAttempts says (0.61.0).
RETRIED = (REAL_CLIS["claude"], REAL_CLIS["codex"])


@pytest.fixture(params=list(REAL_CLIS.values()), ids=lambda cli: cli.name)
def cli(request: pytest.FixtureRequest, bench: Bench) -> RealCli:
    """One of the CLIs, chosen for the project."""
    chosen: RealCli = request.param
    bench.init(chosen.name)
    return chosen


def run(bench: Bench, cli: RealCli, *args: str, **how: Any) -> Ran:
    return bench.agentd(*args, "--model", cli.model, **how)


def check(
    call: Mapping[str, Any], served: Mapping[str, ModelUsage], *, status: str, cli: RealCli
) -> None:
    check_call(call, served, status=status, provider=cli.name, model=cli.model)


def check_all_was_asked(bench: Bench) -> None:
    assert [(r.model, r.body[-300:]) for r in bench.api.unscripted()] == []


def judges(cli: RealCli, said: str = "seen") -> ToolCall:
    """The shell command by which the model writes its CHALLENGE.md."""
    place = f"agentd/changes/{CHANGE}/CHALLENGE.md"
    return cli.shell(f"printf '# Challenge: {said}\\n\\n## Verdict\\n- [x] APPROVED\\n' > {place}")


def phase(bench: Bench) -> tuple[str, str]:
    state = bench.state()
    return state["phase"], state["last_action"]


def test_plain(bench: Bench, cli: RealCli) -> None:
    """The model uses no tool, and prints the document: it is taken from there."""
    bench.with_documents()
    document = "# Challenge: add-export\n\n## Verdict\n- [x] APPROVED\n"
    bench.api.add(Served().step(cli.name, text=document))
    ran = run(bench, cli, "challenge", CHANGE)
    assert ran.exit_code == 0, ran
    assert (bench.change / "CHALLENGE.md").read_text() == document
    assert phase(bench) == ("challenged", "challenge")
    (call,) = bench.calls()
    check(call, bench.api.told(), status="ok", cli=cli)
    assert call["usage_source"] == "stdout"
    total = bench.state()["telemetry"]["total_tokens_in"]
    assert total == add(bench.api.told().values()).input_tokens
    check_all_was_asked(bench)


def test_the_model_writes_the_documents(bench: Bench, cli: RealCli) -> None:
    served = Served()
    files = [f"agentd/changes/{CHANGE}/{name}" for name in DOCUMENTS if name != "proposal.md"]
    shell = f"mkdir -p agentd/changes/{CHANGE}/specs; " + "; ".join(f"echo x > {f}" for f in files)
    proposal = cli.write(str(bench.change / "proposal.md"), "# Written by its own tool")
    bench.api.add(
        served.step(cli.name, text="I write the proposal.", tools=(proposal,)),
        served.step(cli.name, tools=(cli.shell(shell),)),
        served.step(cli.name, text="All written."),
    )
    ran = run(bench, cli, "proposal", CHANGE, DESCRIPTION)
    assert ran.exit_code == 0, ran
    assert (bench.change / "proposal.md").read_text().strip() == "# Written by its own tool"
    assert (bench.change / "specs" / "export.md").exists()
    (call,) = bench.calls()
    assert call["step"] == "proposal"
    check(call, bench.api.told(), status="ok", cli=cli)
    assert len(bench.api.requests) == 3
    check_all_was_asked(bench)


def test_nothing_written_and_too_much_written(bench: Bench, cli: RealCli) -> None:
    """Exit code 0 is not enough; and what the step may not touch is put back."""
    bench.with_documents()
    served = Served()
    bench.api.add(served.step(cli.name, text="All is well."))
    ran = run(bench, cli, "challenge", CHANGE)
    assert ran.exit_code == 4, ran
    assert "without writing CHALLENGE.md" in ran.stderr
    config = bench.project / "agentd" / "config.toml"
    before, asked = config.read_bytes(), len(bench.api.requests)
    bench.api.add(
        served.step(cli.name, tools=(judges(cli), cli.shell(f"echo > {config}; echo > stray.py"))),
        served.step(cli.name, text="Done."),
    )
    ran = run(bench, cli, "challenge", CHANGE)
    assert ran.exit_code == 4, ran
    assert "may not touch: agentd/config.toml, stray.py" in ran.stderr
    assert config.read_bytes() == before
    assert bench.state()["phase"] == "proposed"
    check(bench.calls()[-1], bench.api.told(after=asked), status="ok", cli=cli)
    check_all_was_asked(bench)


def test_subagent(bench: Bench, cli: RealCli) -> None:
    bench.with_documents()
    served = Served()
    seen = f"{UNJUDGED}/seen.txt"
    report = {"tools": (cli.after_subagent,)} if cli.after_subagent else {"text": "Seen."}
    steps = (
        served.step(cli.name, tools=(cli.subagent,), **cli.in_main),
        served.step(cli.name, tools=(judges(cli), cli.shell(f"echo > {seen}")), **cli.in_subagent),
        served.step(cli.name, **report, **cli.in_subagent),
        # codex does not wait for its subagents: it is kept busy until this one is done.
        served.step(
            cli.name, tools=(cli.shell(f"until test -e {seen}; do sleep 0.1; done; sleep 1"),)
        ),
        served.step(cli.name, text="The subagent has seen all.", stays=True),
    )
    bench.api.add(*steps)
    ran = run(bench, cli, "challenge", CHANGE)
    assert ran.exit_code == 0, ran
    (call,) = bench.calls()
    assert set(bench.api.told()) == {cli.model, cli.subagent_model}
    assert all(step in [r.step for r in bench.api.requests] for step in steps)
    check(call, bench.api.told(), status="ok", cli=cli)
    check_all_was_asked(bench)


def test_api_error(bench: Bench, cli: RealCli) -> None:
    bench.with_documents()
    step = Served().step(cli.name, tools=(judges(cli),))
    bench.api.add(step, Step(status=400, stays=True))
    ran = run(bench, cli, "challenge", CHANGE)
    assert ran.exit_code == 4, ran
    assert "loopback error 400" in ran.stderr
    assert bench.state()["phase"] == "proposed"
    (call,) = bench.calls()
    check(call, bench.api.told(), status="failed", cli=cli)


@pytest.mark.parametrize("cli", RETRIED, indirect=True, ids=lambda c: c.name)
def test_what_passes_later_is_tried_again(bench: Bench, cli: RealCli) -> None:
    """The API breaks down in the middle of a run: both attempts are calls, both are charged."""
    bench.with_documents()
    bench.set(script_retries=1)
    served = Served()
    again = served.step(cli.name, tools=(judges(cli),), without="broken down")
    first = served.step(cli.name, text="Now it has broken down.", tools=(cli.shell("true"),))
    bench.api.add(
        first,
        *[Step(status=503, body="broken down")] * 4,  # one, and those that the CLI asks anew
        again,
        served.step(cli.name, text="Done."),
    )
    ran = run(bench, cli, "challenge", CHANGE)
    assert ran.exit_code == 0, ran
    assert "overloaded" in ran.stderr
    failed, good = bench.calls()
    check(failed, {cli.model: first.usage}, status="failed", cli=cli)
    good_usage = add(r.step.usage for r in bench.api.requests[-2:] if r.step)
    check(good, {cli.model: good_usage}, status="ok", cli=cli)
    assert failed["session_id"] != good["session_id"]
    check_all_was_asked(bench)


def test_resumed_session(bench: Bench, cli: RealCli) -> None:
    bench.with_documents()
    served = Served()
    asked = 0
    sessions: list[str] = []
    for run_number in range(3):
        again = ("--session", sessions[-1]) if sessions else ()
        bench.api.add(
            served.step(cli.name, tools=(judges(cli, f"turn {run_number}"),)),
            served.step(cli.name, text=f"Answer {run_number}."),
        )
        ran = run(bench, cli, "challenge", CHANGE, *again)
        assert ran.exit_code == 0, ran
        assert f"turn {run_number}" in (bench.change / "CHALLENGE.md").read_text()
        call = bench.calls()[-1]
        check(call, bench.api.told(after=asked), status="ok", cli=cli)
        asked = len(bench.api.requests)
        sessions.append(call["session_id"])
    assert sessions == sessions[:1] * 3
    assert "Answer 0." in bench.api.requests[-1].body
    check_all_was_asked(bench)


def test_ctrl_c_while_a_tool_runs(bench: Bench, cli: RealCli) -> None:
    bench.with_documents()
    served = Served()
    mark = bench.project / UNJUDGED / "mark"
    bench.api.add(
        served.step(cli.name, tools=(judges(cli),)),
        served.step(cli.name, text="This takes long.", tools=(cli.shell(endless(mark)),)),
    )
    ran = run(bench, cli, "challenge", CHANGE, interrupt_when=mark.exists)
    mark.unlink()  # gemini's tools outlive it
    assert ran.exit_code == 130, ran
    assert bench.state()["phase"] == "proposed"
    (call,) = bench.calls()
    assert call["usage_source"] in ("stdout", "session_log")
    check(call, bench.api.told(), status="cancelled", cli=cli)
    check_all_was_asked(bench)


def test_ctrl_c_while_a_stream_is_stalled(bench: Bench, cli: RealCli) -> None:
    bench.with_documents()
    served = Served()
    bench.api.add(
        served.step(cli.name, tools=(judges(cli),)),
        served.step(cli.name, text="This never comes to its end.", stalls=True),
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
    assert (call["usage_source"], call["accuracy"]) == ("partial", "heuristic")
    check_all_was_asked(bench)


@pytest.mark.parametrize(
    ("wire", "told"), [("off", "service_tier=priority"), ("on", None)], ids=["log", "wire"]
)
def test_codex_searches_and_the_tier_that_it_asks_for_or_gets(
    bench: Bench, wire: str, told: str | None
) -> None:
    """The log has the tier that was asked for, the answer the one that it had."""
    codex = REAL_CLIS["codex"]
    bench.init("codex", wire=wire)
    bench.with_documents()
    args = """extra_args = ["-c", "service_tier='fast'"]"""
    config = bench.project / "agentd" / "config.toml"
    config.write_text(config.read_text().replace("extra_args = []", args))
    text, got = "# Challenge\n\n## Verdict\n- [x] APPROVED\n", {"service_tier": "default"}
    bench.api.add(Served().step("codex", text=text, web_searches=2, variants=got))
    ran = bench.agentd("challenge", CHANGE, "--model", codex.model)
    assert ran.exit_code == 0, ran
    (call,) = bench.calls()
    assert (call["web_searches"], call.get("price_variant")) == ("2", told), call
