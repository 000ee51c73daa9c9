"""With ``[meter] wire = "on"`` the ledger holds what the API served, whatever the CLI tells."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from loopback.scenario import ToolCall

from agentd.metering.usage import ModelUsage, add
from real.bench import CHANGE, RUNS, UNJUDGED, Bench, Ran, endless
from real.ledger import TOKEN_KEYS, Served, check_call
from real.models import REAL_CLIS, RealCli
from real.sandbox import DUMMY_KEY

pytestmark = pytest.mark.real

DOCUMENT = "# Challenge: add-export\n\n## Verdict\n- [x] APPROVED\n"


@pytest.fixture(params=list(REAL_CLIS.values()), ids=lambda cli: cli.name)
def cli(request: pytest.FixtureRequest, bench: Bench) -> RealCli:
    """One of the CLIs, metered at the wire."""
    chosen: RealCli = request.param
    bench.init(chosen.name)
    assert bench.agentd("config", "set", "meter.wire", "on").exit_code == 0
    bench.with_documents()
    return chosen


def challenge(bench: Bench, cli: RealCli, *args: str, **how: Any) -> Ran:
    return bench.agentd("challenge", CHANGE, "--model", cli.model, *args, **how)


def check(
    call: Mapping[str, Any], served: Mapping[str, ModelUsage], *, status: str, cli: RealCli
) -> None:
    assert call["usage_source"] == "wire", call
    assert "why" not in call
    check_call(call, served, status=status, provider=cli.name, model=cli.model)


def test_tools_and_a_resumed_session(bench: Bench, cli: RealCli) -> None:
    served, asked, session = Served(), 0, ()
    for _ in range(2):
        bench.api.add(
            served.step(cli.name, tools=(cli.shell("true"),)),
            served.step(cli.name, text=DOCUMENT),
        )
        ran = challenge(bench, cli, *session)
        assert ran.exit_code == 0, ran
        call = bench.calls()[-1]
        check(call, bench.api.told(after=asked), status="ok", cli=cli)
        assert call["requests"] == "2"
        asked, session = len(bench.api.requests), ("--session", call["session_id"])


def test_subagent(bench: Bench, cli: RealCli) -> None:
    served = Served()
    seen = f"{UNJUDGED}/seen.txt"
    report = {"tools": (cli.after_subagent,)} if cli.after_subagent else {"text": "Seen."}
    wait = f"until test -e {seen}; do sleep 0.1; done; sleep 1"
    bench.api.add(
        served.step(cli.name, tools=(cli.subagent,), **cli.in_main),
        served.step(cli.name, tools=(cli.shell(f"echo > {seen}"),), **cli.in_subagent),
        served.step(cli.name, **report, **cli.in_subagent),
        served.step(cli.name, tools=(cli.shell(wait),)),
        served.step(cli.name, text=DOCUMENT, stays=True),
    )
    ran = challenge(bench, cli)
    assert ran.exit_code == 0, ran
    (call,) = bench.calls()
    assert set(bench.api.told()) == {cli.model, cli.subagent_model}
    check(call, bench.api.told(), status="ok", cli=cli)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "SIGKILL"])
def test_agentd_ends_while_a_tool_runs(bench: Bench, cli: RealCli, number: int) -> None:
    """After a SIGKILL of agentd the relay stays with the CLI; who follows that reads its log."""
    served = Served()
    mark = bench.project / UNJUDGED / "mark"
    bench.api.add(served.step(cli.name, text="It takes long.", tools=(cli.shell(endless(mark)),)))
    challenge(bench, cli, interrupt_when=mark.exists, by=number)
    if number == signal.SIGKILL:
        assert challenge(bench, cli, interrupt_when=bench.is_taken_up()).exit_code == 130
    mark.unlink()
    (call,) = bench.calls()
    check(call, bench.api.told(), status="cancelled", cli=cli)


def test_an_answer_that_is_cut_is_estimated_and_says_so(bench: Bench, cli: RealCli) -> None:
    served = Served()
    bench.api.add(
        served.step(cli.name, tools=(cli.shell("true"),)),
        served.step(cli.name, text="This never comes to its end.", stalls=True),
    )
    ran = challenge(bench, cli, interrupt_when=bench.api.stalled.is_set)
    assert ran.exit_code == 130, ran
    (call,) = bench.calls()
    assert (call["usage_source"], call["accuracy"]) == ("wire", "heuristic"), call
    assert call["why"].startswith("answer cut after ")
    finished = bench.api.requests[0].step
    assert finished is not None
    billed = add(bench.api.billed().values())
    for key, name in TOKEN_KEYS.items():
        told = int(call.get(key, 0))
        assert getattr(finished.usage, name) <= told, key
    assert int(call["tokens_out"]) < billed.output_tokens


def test_nothing_secret_is_written(bench: Bench, cli: RealCli) -> None:
    """No key, prompt or answer: but the prompt in ``prompt``, the answers in what the CLI wrote."""
    served = Served()
    spoken = "Nobody may read this answer."
    bench.api.add(
        served.step(cli.name, text=spoken, tools=(cli.shell("true"),)),
        served.step(cli.name, text=DOCUMENT),
    )
    assert challenge(bench, cli).exit_code == 0
    [run_dir] = (path for path in (bench.project / RUNS).iterdir() if path.is_dir())
    by_the_cli = {"prompt", "stdout", "stderr", "last.txt"}
    files = [path for path in (bench.project / "agentd").rglob("*") if path.is_file()]
    assert {"requests.jsonl", "meter.log", "run.json"} <= {path.name for path in files}
    for path in files:
        text = path.read_bytes()
        assert DUMMY_KEY.encode() not in text, path
        if path.parent == run_dir and path.name not in by_the_cli:
            assert spoken.encode() not in text, path
            assert b"step `challenge`" not in text, path
    assert not (run_dir / "pointed.json").exists()


def test_geminis_helpers_are_side_calls(bench: Bench) -> None:
    """A router, a web search and a subagent: no header tells them, what they offer does."""
    cli = REAL_CLIS["gemini"]
    bench.init("gemini", wire="on")
    bench.with_documents()
    served = Served()
    assert cli.after_subagent is not None
    choice = '{"complexity_reasoning": "it is simple", "complexity_score": 10}'
    search = ToolCall(name="google_web_search", input={"query": "csv"})
    by_thread = {
        "side": (
            served.step("gemini", text=choice, body="complexity_score", stays=True),
            served.step("gemini", text="Found.", body="googleSearch"),
        ),
        "subagent": (served.step("gemini", tools=(cli.after_subagent,), **cli.in_subagent),),
        "main": (
            served.step("gemini", tools=(search,), **cli.in_main),
            served.step("gemini", tools=(cli.subagent,), **cli.in_main),
            served.step("gemini", text=DOCUMENT, **cli.in_main),
        ),
    }
    bench.api.add(*(step for steps in by_thread.values() for step in steps))
    ran = bench.agentd("challenge", CHANGE, "--model", "auto")
    assert ran.exit_code == 0, ran
    threads = Counter(
        one["thread"]
        for one in json.loads(bench.agentd("log", "--requests", "--json").stdout)["calls"][0][
            "api_requests"
        ]
    )
    assert threads["subagent"] == 1
    assert threads["main"] == 3
    assert threads["side"] >= 2


@pytest.mark.parametrize("wire", ["on", "off"])
def test_a_person_who_goes_on_in_the_session_of_a_run(bench: Bench, wire: str) -> None:
    """While its tool runs; what that person asks is not the run's."""
    cli = REAL_CLIS["claude"]
    bench.init("claude", wire=wire)
    bench.with_documents()
    served, mark, theirs = Served(), bench.project / UNJUDGED / "mark", "A person asks this."
    endless_tool = cli.shell(endless(mark))
    bench.api.add(
        served.step("claude", text="This is for the person.", body=theirs, stays=True),
        served.step("claude", tools=(endless_tool,), without=theirs),
        served.step("claude", text=DOCUMENT, without=theirs),
    )
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(challenge, bench, cli)
        until = time.monotonic() + 60
        while not mark.exists() and time.monotonic() < until:
            time.sleep(0.05)
        [stdout] = (bench.project / RUNS).glob("*/stdout")
        session = re.search(r'"session_id":"([0-9a-f-]+)"', stdout.read_text())
        assert session
        asked = ("claude", "-p", "--resume", session[1], "--model", cli.model, theirs)
        subprocess.run(
            asked, cwd=bench.project, env=bench.environ, capture_output=True, check=True, timeout=60
        )
        mark.unlink()
        assert running.result().exit_code == 0
    own = [one for one in bench.api.requests if theirs not in one.body]
    assert len(own) < len(bench.api.requests)
    (call,) = bench.calls()
    expected = add(one.told for one in own if one.told)
    check_call(call, {cli.model: expected}, status="ok", provider="claude", model=cli.model)
    assert "why" not in call


@pytest.mark.parametrize("wire", ["on", "off"])
def test_an_advisor_is_billed_beside_the_answer_that_asked_it(bench: Bench, wire: str) -> None:
    """Its tokens stand in the iterations of that answer alone."""
    cli, used = REAL_CLIS["claude"], ModelUsage(input_tokens=301, output_tokens=23)
    bench.init("claude", wire=wire)
    bench.with_documents()
    advice = {
        "type": "advisor_message",
        "model": "claude-haiku-5-5",
        "input_tokens": used.input_tokens,
        "output_tokens": used.output_tokens,
    }
    served = Served()
    bench.api.add(
        served.step("claude", tools=(cli.shell("true"),), variants={"iterations": [advice]}),
        served.step("claude", text=DOCUMENT),
    )
    assert challenge(bench, cli).exit_code == 0
    (call,) = bench.calls()
    expected = {**bench.api.told(), "claude-haiku-5-5": used}
    check_call(call, expected, status="ok", provider="claude", model=cli.model)
    assert call["accuracy"] == "exact"


def test_gemini_compresses_the_conversation_that_it_goes_on_with(bench: Bench) -> None:
    """Such requests offer no tools: they are side calls, and billed as any other."""
    cli = REAL_CLIS["gemini"]
    bench.init("gemini", wire="on")
    bench.with_documents()
    served, offered = Served(), {"body": "functionDeclarations"}
    bench.api.add(
        served.step("gemini", tools=(cli.shell("true"),), **offered),
        served.step("gemini", text=DOCUMENT, stays=True, **offered),
        served.step("gemini", text="<state_snapshot>Go on.</state_snapshot>", stays=True),
    )
    assert challenge(bench, cli).exit_code == 0
    settings = bench.home / ".gemini" / "settings.json"
    early = {"model": {"compressionThreshold": 0.00001}}
    settings.write_text(json.dumps(json.loads(settings.read_text()) | early))
    asked = len(bench.api.requests)
    assert challenge(bench, cli, "--session", bench.calls()[0]["session_id"]).exit_code == 0
    call = bench.calls()[-1]
    document = json.loads(bench.agentd("log", "--requests", "--json").stdout)
    threads = Counter(one["thread"] for one in document["calls"][-1]["api_requests"])
    own = bench.api.requests[asked:]
    side = sum("functionDeclarations" not in one.body for one in own)
    assert side > 0
    assert threads == {"side": side, "main": len(own) - side}
    check(call, bench.api.told(after=asked), status="ok", cli=cli)
