"""What a person does in the real CLIs, beside agentd's own runs, is imported once, as served."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Mapping
from typing import Any

import pytest

from agentd.metering.usage import ModelUsage, add
from agentd.workflow.sessions.own_runs import _SLACK_S
from benchmarks.bench_cost import install_ccusage
from real.bench import CHANGE, Bench, early_in_a_minute
from real.ledger import Served
from real.models import REAL_CLIS, RealCli

pytestmark = pytest.mark.real

DOCUMENT = "# Challenge: seen\n\n## Verdict\n- [x] APPROVED\n"
CLAUDE = (
    *("claude", "-p", "--output-format", "stream-json", "--verbose"),
    *("--permission-mode", "bypassPermissions", "--model", "claude-opus-5-5"),
)
CODEX = ("codex", "exec", "--json", "--skip-git-repo-check", "--sandbox", "workspace-write")
GEMINI = (
    *("gemini", "--skip-trust", "--yolo", "--output-format", "stream-json"),
    *("-m", "gemini-3-flash-preview"),
)


def arguments(name: str, how: str, session: str | None) -> list[str]:
    """How a person starts a CLI: new, or on with a session, or in a fork of it."""
    if name == "claude":
        more = ["--resume", session] if session else []
        return [*CLAUDE, *filter(None, more), *(["--fork-session"] if how == "fork" else [])]
    if name == "codex":
        on = [how, session] if session else []
        return [*CODEX, "-m", "gpt-6.1-sol", *filter(None, on), "-"]
    return [*GEMINI, *(["--resume", session] if session else [])]


def by_hand(bench: Bench, name: str, how: str = "new", session: str | None = None) -> str:
    """A person's prompt, and its session."""
    done = subprocess.run(
        arguments(name, how, session),
        cwd=bench.project,
        env=bench.environ | {"GEMINI_CLI_NO_RELAUNCH": "true"},
        input="Have a look.",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    told = (event.get("session_id") or event.get("thread_id") for event in events)
    return str(next(filter(None, told)))


def in_git(bench: Bench, branch: str) -> None:
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.com")
    for args in (("init", "-q", "-b", branch), ("commit", "-q", "--allow-empty", "-m", "first")):
        subprocess.run([*git, *args], cwd=bench.project, env=bench.environ, check=True)


def imported(bench: Bench, *options: str) -> dict[str, Any]:
    ran = bench.agentd("import", *options, "--json")
    assert ran.exit_code == 0, ran
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def manual_calls(bench: Bench) -> list[dict[str, Any]]:
    return [call for call in bench.calls() if call["step"] == "manual"]


def add_up(calls: list[dict[str, Any]]) -> dict[str, Any]:
    """The calls as one, to be compared with all that was served."""
    keys = (
        *("tokens_in", "tokens_out", "tokens_cache_read", "tokens_cache_write"),
        "tokens_reasoning",
    )
    parts: dict[str, dict[str, Any]] = {}
    for call in calls:
        for part in call.get("models", [call]):
            of_model = parts.setdefault(part["model"], dict.fromkeys(keys, 0))
            for key in keys:
                of_model[key] += int(part.get(key, 0))
    return parts


def served_by_model(served: Mapping[str, ModelUsage]) -> dict[str, dict[str, int]]:
    return {
        model: {
            "tokens_in": usage.input_tokens,
            "tokens_out": usage.output_tokens,
            "tokens_cache_read": usage.cache_read_input_tokens,
            "tokens_cache_write": usage.cache_creation_input_tokens,
            "tokens_reasoning": usage.reasoning_output_tokens,
        }
        for model, usage in served.items()
    }


@pytest.fixture(params=REAL_CLIS)
def cli(request: pytest.FixtureRequest) -> RealCli:
    return REAL_CLIS[request.param]


def run_of_agentd(bench: Bench, cli: RealCli, served: Served) -> str:
    """One step by agentd; its session."""
    judges = cli.cat(f"agentd/changes/{CHANGE}/CHALLENGE.md", DOCUMENT)
    bench.api.add(served.step(cli.name, tools=(judges,)), served.step(cli.name, text="Seen."))
    ran = bench.agentd("challenge", CHANGE, "--model", cli.model)
    assert ran.exit_code == 0, ran
    return str(bench.calls()[-1]["session_id"])


def subagent_steps(cli: RealCli, served: Served) -> list[Any]:
    report = {"tools": (cli.after_subagent,)} if cli.after_subagent else {"text": "Seen."}
    wait = cli.shell("until test -e seen.txt; do sleep 0.1; done; sleep 1")
    return [
        served.step(cli.name, tools=(cli.subagent,), **cli.in_main),
        served.step(cli.name, tools=(cli.shell("echo > seen.txt"),), **cli.in_subagent),
        served.step(cli.name, **report, **cli.in_subagent),
        served.step(cli.name, tools=(wait,)),
        served.step(cli.name, text="The subagent has seen all."),
    ]


@pytest.mark.parametrize("wire", ["on", "off"])
def test_work_by_hand_is_imported_once_as_it_was_served(
    bench: Bench, cli: RealCli, wire: str
) -> None:
    """A new session, resumed, forked, with a subagent, and agentd's own gone on with by hand."""
    name, served = cli.name, Served()
    bench.init(name, wire=wire)
    in_git(bench, f"feature/{CHANGE}")
    bench.with_documents()
    own = run_of_agentd(bench, cli, served)
    own_ended = time.monotonic()
    assert imported(bench)["calls"] == []
    before = len(bench.api.requests)

    if name == "gemini":
        early_in_a_minute()
    tool = cli.shell("echo hello")
    bench.api.add(served.step(name, tools=(tool,)), served.step(name, text="One."))
    session = by_hand(bench, name)
    for how in ("resume", "fork") if name != "gemini" else ("resume",):
        bench.api.add(served.step(name, text="More."))
        by_hand(bench, name, how, session)
    bench.api.add(*subagent_steps(cli, served))
    by_hand(bench, name)
    bench.api.add(served.step(name, text="On with what agentd began."))
    # What comes in its session sooner may be its own: a ledger's times are whole seconds.
    time.sleep(max(0, own_ended + _SLACK_S + 1 - time.monotonic()))
    by_hand(bench, name, "resume", own)
    done = bench.api.told(after=before)

    found = imported(bench)["calls"]
    assert {call["branch"] for call in found} == {None if name == "gemini" else f"feature/{CHANGE}"}
    assert len(found) == 4 - (name == "gemini")
    assert manual_calls(bench) == []
    imported(bench, *(("--into", CHANGE) if name == "gemini" else ("--by-branch",)))
    calls = manual_calls(bench)
    assert len({call["session_id"] for call in calls}) == len(calls) == len(found)
    assert add_up(calls) == served_by_model(done)
    assert {call["accuracy"] for call in calls} == {"exact"}
    [of_own] = [call for call in calls if call["session_id"] == own]
    assert of_own["requests"] == "1"

    text = (bench.change / "STATE.yaml").read_bytes()
    assert imported(bench, "--into", CHANGE)["written"] == []
    assert (bench.change / "STATE.yaml").read_bytes() == text

    bench.api.add(served.step(name, text="And on."))
    by_hand(bench, name, "resume", session)
    [corrected] = imported(bench, "--into", CHANGE)["written"]
    now = manual_calls(bench)
    assert add_up(now) == served_by_model(bench.api.told(after=before))
    assert [call["id"] for call in now if "amended" in call] == [corrected]
    own_again = run_of_agentd(bench, cli, served)
    assert own_again
    assert imported(bench)["calls"] == []
    told = bench.api.told()
    state = bench.state()["telemetry"]
    assert state["total_tokens_in"] == sum(usage.input_tokens for usage in told.values())
    assert state["total_tokens_out"] == sum(usage.output_tokens for usage in told.values())
    audited = bench.agentd("cost", "audit")
    assert audited.exit_code == 0, audited
    ids = {call["session_id"] for call in bench.calls()}
    if still_logged(bench, cli, ids) == ids:
        check_ccusage(bench, cli, told)
    shutil.rmtree(bench.change)  # and with it the ledger that knew of agentd's runs
    told_now = {call["session_id"] for call in imported(bench)["calls"]}
    assert told_now == still_logged(bench, cli, {call["session_id"] for call in calls} - {own})


def still_logged(bench: Bench, cli: RealCli, ids: set[str]) -> set[str]:
    """The sessions that have a log; of one that was resumed in a later minute gemini deletes it."""
    if cli.name != "gemini":
        return ids
    names = [path.stem[-8:] for path in bench.home.glob(".gemini/tmp/*/chats/session-*.jsonl")]
    return {one for one in ids if one[:8] in names}


def check_ccusage(bench: Bench, cli: RealCli, told: Mapping[str, ModelUsage]) -> None:
    """It adds up all sessions, agentd's too.

    It leaves out codex's subagents, and has gemini's thoughts in no count but the total.
    """
    ccusage = install_ccusage()
    if not ccusage:
        pytest.skip("ccusage is not there")
    ran = subprocess.run(
        [*ccusage, cli.name, "daily", "--json", "--offline"],
        env=bench.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    totals = json.loads(ran.stdout)["totals"]
    counted = [used for model, used in told.items() if cli.name != "codex" or model == cli.model]
    usage = add(counted)
    thoughts = usage.reasoning_output_tokens if cli.name == "gemini" else 0
    cached = totals["cacheReadTokens"] + totals["cacheCreationTokens"]
    assert totals["inputTokens"] + cached == usage.input_tokens
    assert totals["outputTokens"] == usage.output_tokens - thoughts
    assert totals["totalTokens"] == usage.total_tokens
