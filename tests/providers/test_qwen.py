"""qwen: where its requests go, what it tells of an error, and what its log tells."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.recordings import recording
from support.session_logs import edited, lines, named, rewrite

from agentd.providers import PROVIDERS
from agentd.providers.failure import Reason
from agentd.providers.output import parse_output
from agentd.providers.pointing import NotPointed, Pointing, PointQuery
from agentd.providers.qwen.failures import failure
from agentd.runner.told_by_cli import Sources, told_by_cli

RELAY = "http://127.0.0.1:9/t0ken"
ALIBABA = "https://dashscope.aliyuncs.com/compatible-mode/v1"
PLUS = "qwen3.7-plus"
VERSION = "qwen/0.24.4"


def write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home" / "project").mkdir(parents=True)
    return tmp_path / "home"


def found(
    home: Path, *extra_args: str, model: str | None = PLUS, **environ: str
) -> Pointing | NotPointed:
    point = PROVIDERS["qwen"].cli().point
    assert point
    managed = {"QWEN_CODE_SYSTEM_SETTINGS_PATH": str(home / "managed" / "settings.json")}
    environ = {"HOME": str(home), **managed, **environ}
    cwd = home / "project"
    return point(PointQuery(cwd=cwd, environ=environ, extra_args=extra_args, model=model))


def pointing(home: Path, *extra_args: str, **how: Any) -> Pointing:
    got = found(home, *extra_args, **how)
    assert isinstance(got, Pointing), got
    return got


def why_not(home: Path, *extra_args: str, **how: Any) -> str:
    got = found(home, *extra_args, **how)
    assert isinstance(got, NotPointed), got
    return got.why


def settings(home: Path, content: object, place: str = ".qwen") -> None:
    write(home / place / "settings.json", content)


def test_an_argument_points_it_and_nothing_is_copied(home: Path) -> None:
    settings(home, {"security": {"auth": {"apiKey": "k", "selectedType": "openai"}}})
    got = pointing(home, "--openai-base-url", "https://gateway/v1", "--max-session-turns", "9")
    assert (got.upstream, got.login, got.tried) == (
        "https://gateway/v1",
        "base URL of your own",
        True,
    )
    pointed = got.at(RELAY, home / "file")
    assert pointed.extra_args == ("--max-session-turns", "9", "--openai-base-url", RELAY)
    assert "127.0.0.1" in pointed.environ["NO_PROXY"]
    assert "DASHSCOPE_PROXY_BASE_URL" not in pointed.environ
    assert not (home / "file").exists()
    assert "k" not in pointed.environ.values()


def test_which_base_url_counts(home: Path) -> None:
    assert pointing(home).upstream == ALIBABA
    settings(home, '{ // mine\n"security": {"auth": {"baseUrl": "https://user/v1",},},}')
    assert pointing(home).upstream == "https://user/v1"
    settings(home, {"security": {"auth": {"baseUrl": "https://project/v1"}}}, "project/.qwen")
    assert pointing(home).upstream == "https://project/v1"
    write(home / ".env", "OPENAI_BASE_URL=https://home/v1\n")
    assert pointing(home).upstream == "https://home/v1"
    write(home / "project/.env", "export OPENAI_BASE_URL='https://here/v1'\n")
    assert pointing(home).upstream == "https://here/v1"
    assert pointing(home, OPENAI_BASE_URL="https://mine/v1").upstream == "https://mine/v1"
    given = "--openai-base-url=https://given/v1"
    assert pointing(home, given, OPENAI_BASE_URL="https://mine/v1").upstream == "https://given/v1"


def test_its_folder_elsewhere(home: Path) -> None:
    settings(home, {"security": {"auth": {"baseUrl": "https://moved/v1"}}}, "elsewhere")
    assert pointing(home, QWEN_HOME=str(home / "elsewhere")).upstream == "https://moved/v1"


def test_keys_and_logins(home: Path) -> None:
    assert pointing(home).tried is False
    assert pointing(home, OPENAI_API_KEY="k").tried is True
    assert pointing(home, "--openai-api-key", "k").login == "API key"
    settings(home, {"env": {"OPENAI_API_KEY": "k"}})
    assert pointing(home).tried is True
    settings(home, {"security": {"auth": {"selectedType": "qwen-oauth"}}})
    assert why_not(home) == "its login qwen-oauth was not measured"
    assert pointing(home, "--auth-type", "openai").upstream == ALIBABA
    assert "anthropic" in why_not(home, "--auth-type=anthropic")
    settings(home, {"modelProviders": {"openai": [{"id": PLUS, "wireApi": "responses"}]}})
    assert "Responses" in why_not(home)


def test_alibaba_is_known_behind_the_relay_and_others_would_not_be(home: Path) -> None:
    """Else its answers would not be read from the cache: qwen asks for that by the host's name."""
    plan = "https://token-plan.ap-southeast-1.maas.aliyuncs.com/compatible-mode/v1"
    for url in ("", ALIBABA, plan):
        pointed = pointing(home, OPENAI_BASE_URL=url).at(RELAY, home / "file")
        assert pointed.environ["DASHSCOPE_PROXY_BASE_URL"] == RELAY
    own = {"OPENAI_BASE_URL": "https://own/v1", "DASHSCOPE_PROXY_BASE_URL": "https://own/v1"}
    pointed = pointing(home, **own).at(RELAY, home / "file")
    assert pointed.environ["DASHSCOPE_PROXY_BASE_URL"] == RELAY
    for host in ("openrouter.ai", "api.deepseek.com", "open.bigmodel.cn"):
        assert host in why_not(home, OPENAI_BASE_URL=f"https://{host}/v1")


def test_a_model_that_is_described(home: Path) -> None:
    other = {"id": "other", "baseUrl": "https://other/v1"}
    mine = {"id": PLUS, "baseUrl": "https://plan/v1", "envKey": "PLAN_KEY"}
    settings(home, {"modelProviders": {"openai": [mine, other]}, "env": {"PLAN_KEY": "k"}})
    got = pointing(home, "--openai-base-url", "https://not-this/v1")
    assert (got.upstream, got.tried) == ("https://plan/v1", True)
    file = home / "file"
    pointed = got.at(RELAY, file)
    assert pointed.environ["QWEN_CODE_SYSTEM_SETTINGS_PATH"] == str(file)
    assert json.loads(file.read_text()) == {
        "modelProviders": {"openai": [mine | {"baseUrl": RELAY}, other]}
    }
    assert file.stat().st_mode & 0o077 == 0
    settings(home, {"modelProviders": {"openai": [mine, mine | {"baseUrl": "https://b/v1"}]}})
    assert "several base URLs" in why_not(home)
    settings(home, {"modelProviders": {"openai": [{"id": PLUS}]}})
    assert pointing(home).upstream == "https://api.openai.com/v1"


def test_managed_settings_are_not_replaced(home: Path) -> None:
    settings(home, {"modelProviders": {"openai": [{"id": PLUS, "baseUrl": "https://plan/v1"}]}})
    settings(home, {"ui": {"theme": "dark"}}, "managed")
    assert "managed settings" in why_not(home)
    assert pointing(home, "--model", "qwen3.8-max").upstream == ALIBABA


def test_files_of_a_folder_that_may_not_be_trusted(home: Path) -> None:
    """Its base URL would get the key, where qwen does not read it."""
    settings(home, {"security": {"folderTrust": {"enabled": True}}})
    assert pointing(home).upstream == ALIBABA
    write(home / "project/.qwen/.env", "OPENAI_BASE_URL=https://other/v1")
    assert "trusts this folder" in why_not(home)


def test_a_file_that_cant_be_read_is_told(home: Path) -> None:
    settings(home, "{")
    assert "settings.json can't be read" in why_not(home, OPENAI_API_KEY="k")


@pytest.mark.parametrize(
    ("scenario", "reason"), [("err400", "refused"), ("err401", "auth"), ("err404", "refused")]
)
def test_errors_of_the_api(scenario: str, reason: Reason) -> None:
    r = recording(f"{VERSION}/{scenario}")
    assert json.loads((r.folder / "expected.json").read_text())["exit"] == 1
    parsed = parse_output(r.stdout, PROVIDERS["qwen"].cli())
    assert parsed.complete
    assert parsed.error
    assert f"loopback error {scenario[3:]}" in parsed.error
    assert parsed.failure
    assert parsed.failure.reason == reason


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("[API Error: 529 overloaded]", "overloaded"),
        ("[API Error: 429 Too many requests]", "rate_limit"),
        ("[API Error: Connection error. (cause: fetch failed)]", "network"),
        ("Missing API key for OpenAI-compatible auth. Set ...", "auth"),
        ("Cannot read properties of undefined", "no_result"),
    ],
)
def test_reasons(message: str, reason: Reason) -> None:
    assert failure(message).reason == reason


def test_what_stdout_tells() -> None:
    def read(scenario: str) -> Any:
        return parse_output(recording(f"{VERSION}/{scenario}").stdout, PROVIDERS["qwen"].cli())

    whole = read("tool")
    assert (whole.final_text, whole.model, whole.complete) == ("A folder.", "qwen3.8-max", True)
    assert read("resumed").session_id == named("qwen", "resumed").expected["session_id"]
    stopped = read("sigint_in_stream")
    assert (stopped.complete, stopped.running_total) == (False, False)
    assert stopped.usage.input_tokens > 0
    assert read("stream_cut_then_ok").unsure == "an answer was cut"


def test_a_total_of_the_whole_session_is_not_the_runs_own() -> None:
    r, log = recording(f"{VERSION}/resumed"), named("qwen", "resumed")
    parsed = parse_output(r.stdout, PROVIDERS["qwen"].cli())
    assert parsed.usage
    assert parsed.usage.input_tokens > r.total("input_tokens")
    outcome = told_by_cli(Sources(parsed=parsed, logged=log.read(), resumed=True))
    assert (outcome.accuracy, outcome.usage.input_tokens) == ("exact", r.total("input_tokens"))


def test_an_answer_without_usage_is_marked() -> None:
    text = recording(f"{VERSION}/tool").stdout
    *before, answer, result = text.splitlines()
    untold = json.loads(answer)
    untold["message"]["usage"] = {"input_tokens": 0, "output_tokens": 0}
    parsed = parse_output("\n".join([*before, json.dumps(untold), result]), PROVIDERS["qwen"].cli())
    assert parsed.unsure == "an answer came without usage"


def test_side_calls_and_subagents_are_told_apart() -> None:
    threads = [one.thread for one in named("qwen", "plain").read().requests]
    assert threads == ["main", "side"]
    threads = [one.thread for one in named("qwen", "subagent").read().requests]
    assert threads == ["main", "subagent", "main"]


def test_a_subagent_may_have_asked_when_its_run_was_killed(tmp_path: Path) -> None:
    log = named("qwen", "sigkill_in_subagent")
    assert log.read().unsure is None  # its tool ran
    home = edited(log, tmp_path, lambda entry: entry)
    (file,) = home.rglob("subagents/*/*.jsonl")
    entries = lines(file)
    told = [n for n, one in enumerate(entries) if one["type"] == "tool_result"]
    rewrite(file, entries[: told[-1] + 1])
    asked = "a request of a subagent may have been under way at its end"
    assert log.read(home).unsure == asked
    file.unlink()
    assert log.read(home).unsure == asked


def test_zeros_in_the_log_are_an_answer_that_was_cut_or_untold(tmp_path: Path) -> None:
    log = named("qwen", "tool")
    home = edited(log, tmp_path, lambda entry: entry)
    (file,) = home.rglob("*.jsonl")
    entries = lines(file)
    told = [
        one["systemPayload"]["uiEvent"]
        for one in entries
        if one["type"] == "system" and "uiEvent" in one["systemPayload"]
    ]
    last = [one for one in told if one["event.name"].endswith("api_response")][-1]
    last |= {name: 0 for name in last if name.endswith("_token_count")}
    rewrite(file, entries)
    logged = log.read(home)
    first, cut = logged.requests
    assert (first.exact, cut.ended, cut.estimated) == (True, False, {"output_tokens"})
    assert cut.usage.output_tokens > 0
    assert logged.unsure == "an answer came without usage"


def test_what_others_do_in_the_session_is_not_counted() -> None:
    log = named("qwen", "resumed")
    first = log.read(started_at=log.started_at.replace(year=2020))
    assert len(first.requests) == 2
    assert first.unsure == "somebody else went on in its session"
    assert log.read().unsure is None


def test_a_run_without_a_key_has_used_nothing() -> None:
    message = "Missing API key for OpenAI-compatible auth."
    usage = {"input_tokens": 0, "output_tokens": 0}
    result = {"type": "result", "is_error": True, "usage": usage, "error": {"message": message}}
    parsed = parse_output(json.dumps(result), PROVIDERS["qwen"].cli())
    assert parsed.failure
    assert parsed.failure.reason == "auth"
    outcome = told_by_cli(Sources(parsed=parsed, read_prompt=lambda: "word " * 1000))
    assert (outcome.accuracy, outcome.usage.counts()) == ("exact", (0,) * 6)
