"""Agents for models of any maker at OpenAI's two APIs: the ledger has what was served."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentd.metering.usage import ModelUsage
from real.agent_bench import DOCUMENT, STARTS_S, agent_bench
from real.bench import CHANGE, UNJUDGED, Bench, Ran, endless
from real.ledger import Served, check_call
from real.models import AGENTS

pytestmark = pytest.mark.real

MODEL = "gpt-6-luna"
TITLES = "You are a title generator"
PROVIDERS = {"chat": "mine", "responses": "openai"}
"""A provider of the user's own for OpenAI's older API, the maker's own for the newer one."""


def of_opencode(api: str, url: str) -> dict[str, Any]:
    provider: dict[str, Any] = {"options": {"baseURL": f"{url}/v1"}}
    if api == "chat":
        provider |= {"npm": "@ai-sdk/openai-compatible", "name": "Mine"}
        provider["options"]["apiKey"] = "not-a-key"
    provider["models"] = {MODEL: {"name": "Luna", "limit": {"context": 400_000, "output": 16_000}}}
    named = f"{PROVIDERS[api]}/{MODEL}"
    return {"provider": {PROVIDERS[api]: provider}, "small_model": named}


def of_pi(api: str, url: str) -> dict[str, Any]:
    provider: dict[str, Any] = {"baseUrl": f"{url}/v1"}
    if api == "chat":
        provider |= {"api": "openai-completions", "apiKey": "not-a-key"}
        provider["models"] = [{"id": MODEL, "contextWindow": 400_000}]
    return {"providers": {PROVIDERS[api]: provider}}


SETTINGS = {
    "opencode": (".config/opencode/opencode.json", of_opencode),
    "pi": (".pi/agent/models.json", of_pi),
}


@pytest.fixture(params=SETTINGS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=PROVIDERS)
def api(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def bench(tmp_path: Path, name: str, api: str) -> Iterator[Bench]:
    """The agent, with that API as its user would set it."""
    place, settings = SETTINGS[name]
    with agent_bench(tmp_path, name) as made:
        made.init(name, wire="auto")
        made.with_documents()
        (made.home / place).parent.mkdir(parents=True, exist_ok=True)
        (made.home / place).write_text(json.dumps(settings(api, made.api.url)))
        yield made


def challenge(bench: Bench, api: str, **how: Any) -> Ran:
    asked = ("challenge", CHANGE, "--model", f"{PROVIDERS[api]}/{MODEL}")
    return bench.agentd(*asked, timeout_s=STARTS_S, within_s=STARTS_S, **how)


def check(bench: Bench, name: str, api: str, *, status: str) -> None:
    (call,) = bench.calls()
    check_call(call, bench.api.told(), status=status, provider=name, model=MODEL)
    assert (call["usage_source"], call["requests"]) == ("wire", str(len(bench.api.requests)))
    assert bench.api.unscripted() == []
    assert {one.api for one in bench.api.requests} == {"chat" if api == "chat" else "openai"}
    titles = [one for one in bench.api.requests if TITLES in one.body]
    assert len(titles) == (name == "opencode")
    if name == "opencode":
        assert "side=" in call["threads"]
    else:
        assert "threads" not in call


def title(served: Served) -> Any:
    return served.step("codex", text="A title", body=TITLES, stays=True)


def test_a_run_with_a_tool(bench: Bench, name: str, api: str) -> None:
    cli, served = AGENTS[name], Served()
    bench.api.add(
        title(served),
        served.step("codex", text="I look.", tools=(cli.shell("true"),)),
        served.step("codex", text=DOCUMENT),
    )
    ran = challenge(bench, api)
    assert ran.exit_code == 0, ran
    check(bench, name, api, status="ok")


def test_a_run_that_is_stopped_in_a_tool(bench: Bench, name: str, api: str) -> None:
    cli, served, mark = AGENTS[name], Served(), bench.project / UNJUDGED / "mark"
    bench.api.add(
        title(served),
        served.step("codex", text="It lasts.", tools=(cli.shell(endless(mark)),)),
    )
    ran = challenge(bench, api, interrupt_when=mark.exists, by=signal.SIGINT)
    mark.unlink()
    assert ran.exit_code == 130, ran
    check(bench, name, api, status="cancelled")


@pytest.mark.parametrize("name", ["pi"], indirect=True)
def test_a_session_that_is_summarised(bench: Bench, name: str, api: str) -> None:
    """Its summary is a side call, and in the sum."""
    cli, served = AGENTS[name], Served()
    settings = {"compaction": {"keepRecentTokens": 200}}
    (bench.home / ".pi/agent/settings.json").write_text(json.dumps(settings))
    summary = served.step("codex", text="It looked.", body="context summarization assistant")
    look = served.step("codex", text="I look at it. " * 300, tools=(cli.shell("true"),))
    long = replace(look, usage=ModelUsage(input_tokens=2_000_000, output_tokens=500))
    bench.api.add(summary, long, served.step("codex", text=DOCUMENT))
    ran = challenge(bench, api)
    assert ran.exit_code == 0, ran
    (call,) = bench.calls()
    check_call(call, bench.api.told(), status="ok", provider=name, model=MODEL)
    usage = summary.usage
    counts = (usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens)
    assert call["threads"].startswith(f"side={'/'.join(map(str, counts))}/")
