"""pi: where its requests go, what it tells of an error, and what its log tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.recordings import recording
from support.session_logs import edited, lines, named, rewrite

from agentd.metering.dialects import DIALECTS
from agentd.metering.usage import ModelUsage
from agentd.providers import PROVIDERS
from agentd.providers.failure import Reason
from agentd.providers.output import parse_output
from agentd.providers.pi.failures import failure
from agentd.providers.pointing import NotPointed, Pointing, PointQuery
from agentd.runner.told_by_cli import Sources, told_by_cli

RELAY = "http://127.0.0.1:9/t0ken"
OPUS = "anthropic/claude-opus-5-5"
VERSION = "pi/1.6.0"


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def found(
    home: Path, *extra_args: str, model: str | None = OPUS, **environ: str
) -> Pointing | NotPointed:
    point = PROVIDERS["pi"].cli().point
    assert point
    environ = {"HOME": str(home), **environ}
    return point(PointQuery(cwd=home, environ=environ, extra_args=extra_args, model=model))


def pointing(home: Path, *extra_args: str, **how: Any) -> Pointing:
    got = found(home, *extra_args, **how)
    assert isinstance(got, Pointing), got
    return got


def why_not(home: Path, *extra_args: str, **how: Any) -> str:
    got = found(home, *extra_args, **how)
    assert isinstance(got, NotPointed), got
    return got.why


def told_models(home: Path, provider: dict[str, Any], name: str = "anthropic") -> None:
    write(home / ".pi/agent/models.json", {"providers": {name: provider}})


def test_an_extension_points_it_and_nothing_is_copied(tmp_path: Path) -> None:
    write(tmp_path / ".pi/agent/auth.json", {"anthropic": {"type": "api_key", "key": "k"}})
    before = sorted(tmp_path.rglob("*"))
    got = pointing(tmp_path, "--thinking", "high")
    assert (got.upstream, got.login, got.tried) == (
        "https://api.anthropic.com",
        "API key of anthropic",
        True,
    )
    pointed = got.at(RELAY, tmp_path / "unused")
    *own, flag, extension = pointed.extra_args
    assert (own, flag) == (["--thinking", "high"], "-e")
    assert "registerProvider" in Path(extension).read_text()
    assert json.loads(pointed.environ["AGENTD_PI_RELAY"]) == {
        "provider": "anthropic",
        "baseUrl": RELAY,
    }
    assert sorted(tmp_path.rglob("*")) == before
    assert "k" not in pointed.environ.values()


def test_keys_and_subscriptions(tmp_path: Path) -> None:
    assert pointing(tmp_path).tried is False
    assert pointing(tmp_path, ANTHROPIC_API_KEY="k").tried is True
    assert pointing(tmp_path, "--api-key", "k").tried is True
    got = pointing(tmp_path, model="openai/gpt-6-sol", OPENAI_API_KEY="k")
    assert (got.upstream, got.tried) == ("https://api.openai.com/v1", True)
    write(tmp_path / ".pi/agent/auth.json", {"anthropic": {"type": "oauth"}})
    got = pointing(tmp_path, ANTHROPIC_API_KEY="k")  # its login beats the environment
    assert (got.login, got.tried) == ("login of anthropic", False)


def test_a_base_url_of_its_own(tmp_path: Path) -> None:
    told_models(tmp_path, {"baseUrl": "https://$HOST/v1"})
    got = pointing(tmp_path, HOST="gateway")
    assert (got.upstream, got.login, got.tried) == (
        "https://gateway/v1",
        "base URL of your own",
        True,
    )
    model = {"id": "claude-opus-5-5", "baseUrl": "https://model"}
    told_models(tmp_path, {"baseUrl": "https://gateway", "models": [model]})
    assert pointing(tmp_path).upstream == "https://model"
    told_models(tmp_path, {"modelOverrides": {"claude-opus-5-5": {"baseUrl": "https://over"}}})
    assert pointing(tmp_path).upstream == "https://over"
    told_models(tmp_path, {"baseUrl": "http://localhost:11434/v1"}, name="ollama")
    assert pointing(tmp_path, model="ollama/qwen3:8b").upstream == "http://localhost:11434/v1"
    moved = {"PI_CODING_AGENT_DIR": str(tmp_path / "nowhere")}
    assert "ollama is not known" in why_not(tmp_path, model="ollama/qwen3:8b", **moved)


def test_comments_and_last_commas_of_models_json(tmp_path: Path) -> None:
    """pi takes them there."""
    write(
        tmp_path / ".pi/agent/models.json",
        '\ufeff{ // mine\n"providers": {"ollama": {"baseUrl": "http://localhost:11434/v1", },},}',
    )
    assert pointing(tmp_path, model="ollama/qwen3").upstream == "http://localhost:11434/v1"


def test_which_model_it_takes(tmp_path: Path) -> None:
    assert "names no provider" in why_not(tmp_path, model="sonnet")
    assert "names no provider" in why_not(tmp_path, model=None)
    assert pointing(tmp_path, "--provider", "openai", model="gpt-6-sol").upstream.endswith(
        "api.openai.com/v1"
    )
    assert pointing(tmp_path, "--model=openai/gpt-6-sol").upstream.endswith("api.openai.com/v1")
    write(
        tmp_path / ".pi/agent/settings.json",
        {"defaultProvider": "anthropic", "defaultModel": "claude-opus-5-5"},
    )
    assert pointing(tmp_path, model=None).upstream == "https://api.anthropic.com"


@pytest.mark.parametrize("file", ["models.json", "auth.json", "settings.json"])
def test_a_file_that_cant_be_read_is_told(tmp_path: Path, file: str) -> None:
    write(tmp_path / ".pi/agent" / file, "{")
    assert f"{file} can't be read" in why_not(tmp_path, ANTHROPIC_API_KEY="k")


@pytest.mark.parametrize(
    ("scenario", "reason"), [("err400", "refused"), ("err401", "auth"), ("err404", "refused")]
)
def test_it_exits_with_0_and_has_failed(scenario: str, reason: Reason) -> None:
    r = recording(f"{VERSION}/{scenario}")
    assert json.loads((r.folder / "expected.json").read_text())["exit"] == 0
    parsed = parse_output(r.stdout, PROVIDERS["pi"].cli())
    assert parsed.complete
    assert parsed.error
    assert f"loopback error {scenario[3:]}" in parsed.error
    assert parsed.failure
    assert parsed.failure.reason == reason


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('529 {"type":"error"}', "overloaded"),
        ("429 Too many requests", "rate_limit"),
        ('OpenAI API error (429): {"code":"insufficient_quota"}', "auth"),
        ("Connection error.", "network"),
        ("Anthropic stream ended before message_stop", "network"),
        ("Cannot read properties of undefined", "no_result"),
    ],
)
def test_reasons(message: str, reason: Reason) -> None:
    assert failure(message).reason == reason


def test_what_stdout_tells() -> None:
    def read(scenario: str) -> Any:
        return parse_output(recording(f"{VERSION}/{scenario}").stdout, PROVIDERS["pi"].cli())

    assert read("tool").final_text == "A folder."
    assert [one.finish for one in read("tool").requests] == ["tool", "stop"]
    assert read("resumed").session_id == named("pi", "resumed").expected["session_id"]
    stopped = read("sigint_in_stream")
    assert not stopped.complete
    assert [one.ended for one in stopped.requests] == [True, False]
    cut = read("stream_cut_then_ok")
    assert (cut.complete, cut.error) == (True, None)
    assert [one.ended for one in cut.requests] == [False, True]


def test_a_summary_of_a_long_session_is_a_request(tmp_path: Path) -> None:
    log = named("pi", "tool")
    home = edited(log, tmp_path, lambda entry: entry)
    (file,) = home.rglob("*.jsonl")
    entries = lines(file)
    usage = {"input": 10, "output": 5, "cacheRead": 2, "cacheWrite": 1}
    summary = {
        **{key: entries[-1][key] for key in ("parentId", "timestamp")},
        **{"type": "compaction", "id": "abc", "usage": usage, "summary": "long"},
    }
    rewrite(file, [*entries, {**summary, "parentId": entries[-1]["id"]}])
    *before, last = log.read(home).requests
    assert tuple(before) == log.read().requests
    assert last.usage == ModelUsage(
        input_tokens=13,
        output_tokens=5,
        cache_read_input_tokens=2,
        cache_creation_input_tokens=1,
    )
    assert (last.thread, last.model) == ("side", "claude-opus-5-5")


def test_what_others_do_in_the_session_is_not_counted() -> None:
    log = named("pi", "resumed")
    first = log.read(started_at=log.started_at.replace(year=2020))
    assert len(first.requests) == 2
    assert first.unsure == "somebody else went on in its session"
    assert log.read().unsure is None


def test_a_run_without_a_key_has_used_nothing() -> None:
    """It begins its output, tells on stderr that it has no key, and asks nobody."""
    parsed = parse_output(recording(f"{VERSION}/no_key").stdout, PROVIDERS["pi"].cli())
    outcome = told_by_cli(Sources(parsed=parsed, read_prompt=lambda: "word " * 1000))
    assert outcome.usage.counts() == (0,) * 6
    assert (outcome.usage_source, outcome.accuracy, outcome.why) == ("stdout", "exact", None)
    begun = '{"type":"session","id":"1"}\n{"type":"agent_start"}\n'  # its request may be sent
    assert parse_output(begun, PROVIDERS["pi"].cli()).usage is None


SUMMARISES = "You are a context summarization assistant. Your task is to read a conversation"
CODES = "You are a coding assistant running inside pi"


def asked_with(dialect: str, system: str) -> dict[str, Any]:
    """A request as pi 1.6.0 makes it; that to the newer API of OpenAI can have its tools inside."""
    user = {"role": "user", "content": f"{SUMMARISES}, it said."}
    if dialect == "anthropic":
        return {"system": [{"type": "text", "text": system}], "messages": [user]}
    if dialect == "openai.chat":
        return {"messages": [{"role": "system", "content": system}, user]}
    return {"input": [{"role": "developer", "content": system}, user]}


@pytest.mark.parametrize("dialect", ["anthropic", "openai.chat", "openai.responses"])
def test_a_summary_is_a_side_call_at_the_wire(dialect: str) -> None:
    [language] = [one for one in DIALECTS if one.name == dialect]

    def thread(agent: str, body: dict[str, Any]) -> str:
        raw = json.dumps({"model": "m", **body}).encode()
        of_cli = PROVIDERS["pi"].cli().asked
        return language.asked("/v1/messages", {"user-agent": agent}, raw, of_cli).thread

    own = "pi/1.6.0 (linux; node/v22.23.5; x64)"
    assert thread(own, asked_with(dialect, SUMMARISES)) == "side"
    assert thread(own, asked_with(dialect, CODES)) == "main"
    assert thread("curl/8", asked_with(dialect, SUMMARISES)) == "main"  # what its tools ask for
    for odd in ({"input": 1}, {"messages": [1]}, {"system": [], "messages": []}, {"system": {}}):
        assert thread(own, odd) == "main"
